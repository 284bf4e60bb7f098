-- A person's template at first: the mean of their references, and of confirmed faces, and how far those lie from it.
-- Never of boxes drawn by hand: what no detector takes for a face, or a back, is like nobody.
CREATE TEMP TABLE members ON COMMIT DROP AS
SELECT person, embedder_fingerprint, {reference} AS embedding
FROM reference_embeddings r
WHERE parameter_set = {parameter_set} AND r.embedding IS NOT NULL
UNION ALL
SELECT said.person, e.embedder_fingerprint, {face}
FROM feedback said
JOIN embeddings e ON e.parameter_set = {parameter_set} AND e.sha256 = said.sha256
JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key)
    = (e.sha256, e.detector_fingerprint, e.face_key)
WHERE said.shown AND NOT said.by_hand AND said.person IN (SELECT person FROM reference_embeddings
                                     WHERE parameter_set = {parameter_set} AND embedding IS NOT NULL)
  AND box(point(f.x, f.y), point(f.x + f.w, f.y + f.h))
    @> point(said.x + said.w / 2.0, said.y + said.h / 2.0);

CREATE TEMP TABLE templates ON COMMIT DROP AS
SELECT person, embedder_fingerprint, avg(embedding) AS centre,
       greatest(0, avg(vector_norm(embedding) ^ 2) - vector_norm(avg(embedding)) ^ 2) AS spread, 0::bigint AS sure
FROM members
GROUP BY person, embedder_fingerprint
