-- Boxes and scores of a set's faces that one embedder made vectors of, in the order in which vectors are read.
SELECT f.x, f.y, f.w, f.h, f.score
FROM {table} e JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
WHERE e.embedder_fingerprint = %(embedder)s
ORDER BY e.sha256, e.face_key
