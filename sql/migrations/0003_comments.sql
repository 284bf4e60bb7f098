-- What the columns mean, for `\d+` and for the UI.
-- depends: 0002_vectors_changed

COMMENT ON COLUMN photos.path IS 'below the root';
COMMENT ON COLUMN photos.problem IS 'why the file could not be read; then what is unknown is null';
COMMENT ON COLUMN photos.width IS 'upright pixels';
COMMENT ON COLUMN photos.height IS 'upright pixels';
COMMENT ON COLUMN photos.orientation IS 'EXIF, 1 to 8';
COMMENT ON COLUMN photos.taken_at IS 'the camera''s local time';
COMMENT ON COLUMN photos.country IS 'ISO 3166-1 alpha-2';
COMMENT ON COLUMN detected_faces.detector_fingerprint IS 'hash of settings, library version and model file';
COMMENT ON COLUMN detected_faces.face_key IS 'hash of photo, box and landmarks: the same in every set that finds the same face';
COMMENT ON COLUMN detected_faces.x IS 'left edge of the box, upright full-size pixels';
COMMENT ON COLUMN detected_faces.y IS 'top edge of the box, upright full-size pixels';
COMMENT ON COLUMN detected_faces.landmarks IS 'x1, y1, x2, y2, ... in upright pixels; null where the detector gives none';
COMMENT ON COLUMN detected_faces.score IS 'the detector''s own confidence; scales differ between detectors';
COMMENT ON COLUMN detected_faces.thumbnail IS 'JPEG';
COMMENT ON COLUMN embeddings.embedding IS 'a vector of the embedder''s dimension; each partition checks its own';
COMMENT ON COLUMN embeddings.embedder_fingerprint IS 'vectors of different fingerprints are never compared';
COMMENT ON COLUMN index_builds.method IS 'hnsw, ivfflat, or none where exact search is faster';
COMMENT ON COLUMN index_builds.recall IS 'at 10, against exact search, on a sample of the set''s own vectors';
COMMENT ON COLUMN reference_photos.largest IS 'of several faces, take the largest';
COMMENT ON COLUMN reference_embeddings.found_by IS 'the set''s detector, or the one asked when that did not find exactly one face';
COMMENT ON COLUMN reference_embeddings.problem IS 'why this reference is left out';
COMMENT ON COLUMN search_results.distance IS 'of the nearest face, in the embedder''s own metric';
