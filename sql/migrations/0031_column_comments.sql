-- What each column holds of the tables that assets write: Dagster's pages show it.
-- depends: 0030_forgetting

COMMENT ON COLUMN photos.event_day IS 'key of the event day';
COMMENT ON COLUMN photos.sha256 IS 'of the file''s content: what the photo is known by';
COMMENT ON COLUMN photos.bytes IS 'size of the file';
COMMENT ON COLUMN photos.mtime_ns IS 'when the file was changed last, in nanoseconds since 1970';
COMMENT ON COLUMN photos.inode IS 'of the file; a file that looks the same in size, time and inode is not read again';
COMMENT ON COLUMN photos.format IS 'of the picture, as JPEG';
COMMENT ON COLUMN photos.latitude IS 'degrees, north is positive';
COMMENT ON COLUMN photos.longitude IS 'degrees, east is positive';
COMMENT ON COLUMN photos.place IS 'the nearest town';
COMMENT ON COLUMN photos.camera IS 'make and model';

COMMENT ON COLUMN detected_faces.sha256 IS 'of the photo';
COMMENT ON COLUMN detected_faces.w IS 'width of the box, upright full-size pixels';
COMMENT ON COLUMN detected_faces.h IS 'height of the box, upright full-size pixels';
COMMENT ON COLUMN detected_faces.sharpness IS 'how sharp the face is: variance of the Laplacian; null where it was not measured';

COMMENT ON COLUMN embeddings.parameter_set IS 'key of the parameter set';
COMMENT ON COLUMN embeddings.sha256 IS 'of the photo';
COMMENT ON COLUMN embeddings.face_key IS 'of the face in detected_faces';
COMMENT ON COLUMN embeddings.detector_fingerprint IS 'of the detector that found the face';

COMMENT ON COLUMN index_builds.parameter_set IS 'key of the parameter set';
COMMENT ON COLUMN index_builds.index_name IS 'of the index in the database; null where there is none';
COMMENT ON COLUMN index_builds.rows IS 'vectors when it was built';
COMMENT ON COLUMN index_builds.seconds IS 'that building took';
COMMENT ON COLUMN index_builds.built_at IS 'when it was built';
COMMENT ON COLUMN index_builds.vectors_changed IS 'how many vectors had ever changed when it was built; how many more have since says when to build anew';
COMMENT ON COLUMN index_builds.ef_construction IS 'of HNSW: candidates while a node is connected';
COMMENT ON COLUMN index_builds.lists IS 'of IVFFlat: number of lists';

COMMENT ON COLUMN reference_photos.person IS 'key of the person';
COMMENT ON COLUMN reference_photos.sha256 IS 'of the picture''s content';
COMMENT ON COLUMN reference_photos.filename IS 'of the picture when it was given';
COMMENT ON COLUMN reference_photos.source IS 'folder: it lies in the references folder; command: a command or a page added it';
COMMENT ON COLUMN reference_photos.content IS 'the picture itself';
COMMENT ON COLUMN reference_photos.added_at IS 'when it was added';

COMMENT ON COLUMN reference_embeddings.parameter_set IS 'key of the parameter set';
COMMENT ON COLUMN reference_embeddings.person IS 'key of the person';
COMMENT ON COLUMN reference_embeddings.sha256 IS 'of the reference photo';
COMMENT ON COLUMN reference_embeddings.largest IS 'whether the largest of several faces was taken';
COMMENT ON COLUMN reference_embeddings.detector_fingerprint IS 'of the set''s detector';
COMMENT ON COLUMN reference_embeddings.embedder_fingerprint IS 'of the set''s embedder';
COMMENT ON COLUMN reference_embeddings.x IS 'left edge of the face''s box, upright pixels of the reference photo';
COMMENT ON COLUMN reference_embeddings.y IS 'top edge of the face''s box';
COMMENT ON COLUMN reference_embeddings.w IS 'width of the face''s box';
COMMENT ON COLUMN reference_embeddings.h IS 'height of the face''s box';
COMMENT ON COLUMN reference_embeddings.thumbnail IS 'JPEG of the face';
COMMENT ON COLUMN reference_embeddings.embedding IS 'the face''s vector; null where the reference is left out';

COMMENT ON COLUMN search_results.parameter_set IS 'key of the parameter set';
COMMENT ON COLUMN search_results.person IS 'key of the person who was searched for';
COMMENT ON COLUMN search_results.sha256 IS 'of the photo';
COMMENT ON COLUMN search_results.face_key IS 'of the face that ranks the photo; null for a box drawn by hand';
COMMENT ON COLUMN search_results.rival_distance IS 'of the face to that other person';
COMMENT ON COLUMN search_results.confirmed IS 'whether somebody said that the photo shows the person';
COMMENT ON COLUMN search_results.by_face_distance IS 'of that face to the person';
COMMENT ON COLUMN search_results.by_face_rival IS 'another person to whom that face is nearest';
COMMENT ON COLUMN search_results.by_face_rival_distance IS 'of that face to that other person';

COMMENT ON COLUMN group_faces.parameter_set IS 'key of the parameter set';
COMMENT ON COLUMN group_faces.face_group IS 'id of the group, as in face_groups';
COMMENT ON COLUMN group_faces.sha256 IS 'of the photo';
COMMENT ON COLUMN group_faces.face_key IS 'of the face in detected_faces';

COMMENT ON COLUMN truth.person IS 'key of the person whom the photo shows';
COMMENT ON COLUMN truth.sha256 IS 'of the photo';
COMMENT ON COLUMN truth.source IS 'name of the list';
COMMENT ON COLUMN truth.x IS 'left edge of the face''s box in upright pixels, where the list has one';
COMMENT ON COLUMN truth.y IS 'top edge of the face''s box';
COMMENT ON COLUMN truth.w IS 'width of the face''s box';
COMMENT ON COLUMN truth.h IS 'height of the face''s box';
COMMENT ON COLUMN truth.note IS 'the list''s remark';

COMMENT ON COLUMN evaluations.parameter_set IS 'key of the parameter set';
COMMENT ON COLUMN evaluations.evaluation IS 'the figures of each person, and why each lost photo was lost';
COMMENT ON COLUMN evaluations.evaluated_at IS 'when';
