-- Distances between two faces of one photo: almost always two people's. Overlapping boxes are one face found twice; the
-- third of the faces that the detector is least sure of has most of those that are none, and they look alike.
WITH faces AS MATERIALIZED (
    SELECT e.sha256, e.face_key, e.embedder_fingerprint, e.embedding::vector({dimension}) AS embedding,
           box(point(f.x, f.y), point(f.x + f.w, f.y + f.h)) AS place,
           percent_rank() OVER (ORDER BY f.score) AS sureness
    FROM {table} e JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
)
SELECT a.embedding {operator} b.embedding
FROM faces a
JOIN faces b ON b.sha256 = a.sha256 AND b.face_key > a.face_key AND b.embedder_fingerprint = a.embedder_fingerprint
WHERE a.sureness >= 0.3 AND b.sureness >= 0.3 AND NOT a.place && b.place
ORDER BY a.sha256  -- a hash: the same sample of photos every time
LIMIT %(limit)s
