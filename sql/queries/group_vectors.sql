-- The best faces of a group, with their vectors.
SELECT g.sha256, f.x, f.y, f.w, f.h, e.embedding
FROM group_faces g
JOIN {table} e USING (sha256, face_key)
JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
WHERE (g.parameter_set, g.face_group) = (%(parameter_set)s, %(group)s) AND g.rank <= %(most)s
ORDER BY g.rank
