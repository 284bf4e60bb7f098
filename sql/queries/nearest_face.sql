-- The face of one photo that is nearest to any reference of a person.
SELECT f.x, f.y, f.w, f.h
FROM reference_embeddings r
JOIN embeddings e ON e.parameter_set = r.parameter_set AND e.embedder_fingerprint = r.embedder_fingerprint
JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key)
    = (e.sha256, e.detector_fingerprint, e.face_key)
WHERE r.parameter_set = %s AND r.person = %s AND e.sha256 = %s AND r.embedding IS NOT NULL
ORDER BY e.embedding {operator} r.embedding, f.face_key
LIMIT 1
