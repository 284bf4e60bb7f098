-- Vectors of a day's faces that any set already has from the same embedder: taken over instead of computed again.
INSERT INTO embeddings (parameter_set, sha256, face_key, detector_fingerprint, embedder_fingerprint, embedding)
SELECT DISTINCT ON (f.face_key) %(parameter_set)s, f.sha256, f.face_key, %(detector)s, known.embedder_fingerprint, known.embedding
FROM (SELECT DISTINCT sha256 FROM photos WHERE event_day = %(day)s AND problem IS NULL) day
JOIN detected_faces f ON f.sha256 = day.sha256 AND f.detector_fingerprint = %(detector)s
JOIN embeddings known ON known.face_key = f.face_key AND known.embedder_fingerprint = %(embedder)s
WHERE NOT EXISTS (
    SELECT FROM embeddings own
    WHERE own.parameter_set = %(parameter_set)s AND own.face_key = f.face_key
      AND own.embedder_fingerprint = %(embedder)s AND own.detector_fingerprint = %(detector)s
)
ON CONFLICT (face_key, parameter_set) DO UPDATE
SET detector_fingerprint = excluded.detector_fingerprint, embedder_fingerprint = excluded.embedder_fingerprint,
    embedding = excluded.embedding
