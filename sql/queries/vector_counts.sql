-- A day's faces under a set against their vectors, and what no sound vector is; without photos whose faces could not be
-- embedded.
SELECT count(*) AS faces, count(e.embedding) AS vectors,
       count(*) FILTER (WHERE vector_dims(e.embedding) <> {dimension}) AS wrong_dimension,
       count(*) FILTER (WHERE NOT vector_norm(e.embedding) BETWEEN 1e-9 AND 1e9) AS not_finite,
       count(DISTINCT md5(e.embedding::text)) AS distinct_vectors, count(DISTINCT md5(f.thumbnail)) AS pictures
FROM (SELECT DISTINCT sha256 FROM photos WHERE event_day = %(day)s AND problem IS NULL) day
JOIN detected_faces f ON f.sha256 = day.sha256 AND f.detector_fingerprint = %(detector)s
LEFT JOIN embeddings e ON e.parameter_set = %(parameter_set)s AND e.face_key = f.face_key
    AND e.embedder_fingerprint = %(embedder)s
WHERE e.face_key IS NOT NULL OR NOT EXISTS (
    SELECT FROM embedding_problems p
    WHERE (p.sha256, p.detector_fingerprint, p.embedder_fingerprint)
        = (f.sha256, f.detector_fingerprint, %(embedder)s)
)
