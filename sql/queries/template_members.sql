-- What people's templates under a set are made of: their references, and faces that were confirmed, whichever lies around
-- the middle of the box that was. Never boxes drawn by hand: what no detector takes for a face, or a back, is like nobody.
SELECT person, embedder_fingerprint, true, embedding, NULL, NULL
FROM reference_embeddings
WHERE parameter_set = %(parameter_set)s AND embedding IS NOT NULL
UNION ALL
SELECT said.person, e.embedder_fingerprint, false, e.embedding, e.sha256, e.face_key
FROM feedback said
JOIN embeddings e ON e.parameter_set = %(parameter_set)s AND e.sha256 = said.sha256
JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key)
    = (e.sha256, e.detector_fingerprint, e.face_key)
WHERE said.shown AND NOT said.by_hand
  AND said.person IN (SELECT person FROM reference_embeddings
                      WHERE parameter_set = %(parameter_set)s AND embedding IS NOT NULL)
  AND box(point(f.x, f.y), point(f.x + f.w, f.y + f.h)) @> point(said.x + said.w / 2.0, said.y + said.h / 2.0)
