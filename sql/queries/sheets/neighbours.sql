-- A sample of a set's faces, the same every time, each with its nearest faces; the first of them is the face itself.
WITH sample AS MATERIALIZED (
    SELECT md5(face_key::text) AS place, embedding::vector({dimension}) AS embedding FROM {table} ORDER BY 1 LIMIT %(faces)s
)
SELECT f.thumbnail, p.path, round(near.distance::numeric, 3)::text AS distance
FROM sample s
CROSS JOIN LATERAL (
    SELECT e.sha256, e.face_key, e.detector_fingerprint, e.embedding {operator} s.embedding AS distance
    FROM {table} e ORDER BY e.embedding{indexed} {operator} s.embedding{indexed}
    LIMIT %(neighbours)s
) near
JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
CROSS JOIN LATERAL (SELECT min(path) AS path FROM photos WHERE photos.sha256 = near.sha256) p
ORDER BY s.place, near.distance
