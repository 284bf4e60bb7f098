-- The face by which a photo is ranked for a person; where it is not ranked, the one nearest to any of their references.
SELECT f.x, f.y, f.w, f.h
FROM reference_embeddings r
JOIN embeddings e ON e.parameter_set = r.parameter_set AND e.embedder_fingerprint = r.embedder_fingerprint
JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key)
    = (e.sha256, e.detector_fingerprint, e.face_key)
LEFT JOIN search_results s ON (s.parameter_set, s.person, s.sha256, s.face_key)
    = (r.parameter_set, r.person, e.sha256, e.face_key)
WHERE r.parameter_set = %(parameter_set)s AND r.person = %(person)s AND e.sha256 = %(photo)s AND r.embedding IS NOT NULL
ORDER BY s.face_key IS NULL, e.embedding {operator} r.embedding, f.face_key
LIMIT 1
