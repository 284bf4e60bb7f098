-- Every face with every person: the typical distance to the person's template, the distance to their nearest reference,
-- and the score, to which a share of the gap is added where another person, the rival, is nearer.
CREATE TEMP TABLE compared ON COMMIT DROP AS
WITH asked AS MATERIALIZED (  -- else each reference is fetched again for every face
    SELECT person, embedder_fingerprint, embedding
    FROM reference_embeddings WHERE parameter_set = {parameter_set} AND embedding IS NOT NULL
),
plain AS (
    SELECT a.person, e.face_key, min(e.embedding {operator} a.embedding) AS distance
    FROM asked a
    JOIN embeddings e ON e.parameter_set = {parameter_set} AND e.embedder_fingerprint = a.embedder_fingerprint
    GROUP BY a.person, e.face_key
),
typical AS MATERIALIZED (
    SELECT t.person, e.sha256, e.face_key, {typical} AS distance
    FROM templates t
    JOIN embeddings e ON e.parameter_set = {parameter_set} AND e.embedder_fingerprint = t.embedder_fingerprint
),
nearest AS (
    SELECT DISTINCT ON (face_key) face_key, person, distance FROM typical ORDER BY face_key, distance, person
)
SELECT typical.person, typical.sha256, typical.face_key, typical.distance, plain.distance AS plain_distance,
       CASE WHEN nearest.person <> typical.person THEN nearest.person END AS rival,
       CASE WHEN nearest.person <> typical.person THEN nearest.distance END AS rival_distance,
       typical.distance + {rivalry} * (typical.distance - nearest.distance) AS score
FROM typical
JOIN nearest ON nearest.face_key = typical.face_key
JOIN plain ON (plain.person, plain.face_key) = (typical.person, typical.face_key)
