-- The faces by which photos are ranked for people under a set, with what their confidence follows from.
SELECT r.sha256, f.x, f.y, f.w, f.h, r.score, r.confirmed
FROM search_results r
JOIN embeddings e USING (parameter_set, face_key)
JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key) = (e.sha256, e.detector_fingerprint, e.face_key)
WHERE r.parameter_set = %(parameter_set)s AND r.person = ANY (%(people)s) AND r.sha256 = ANY (%(photos)s)
ORDER BY r.sha256, r.person
