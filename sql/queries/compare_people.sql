-- Every face with every person: the typical distance to the person's template, the distance to their nearest reference,
-- and the score, to which half the gap is added where another person, the rival, is nearer.
CREATE TEMP TABLE compared ON COMMIT DROP AS
WITH typical AS MATERIALIZED (
    SELECT t.person, e.sha256, e.face_key, {typical} AS distance,
           (SELECT min(e.embedding {operator} r.embedding) FROM reference_embeddings r
            WHERE r.parameter_set = {parameter_set} AND r.person = t.person AND r.embedding IS NOT NULL
              AND r.embedder_fingerprint = e.embedder_fingerprint) AS plain_distance
    FROM templates t
    JOIN embeddings e ON e.parameter_set = {parameter_set} AND e.embedder_fingerprint = t.embedder_fingerprint
),
nearest AS (
    SELECT face_key, (array_agg(person ORDER BY distance, person))[1] AS first, min(distance) AS distance
    FROM typical GROUP BY face_key
)
SELECT typical.person, sha256, face_key, typical.distance, plain_distance,
       CASE WHEN first <> typical.person THEN first END AS rival,
       CASE WHEN first <> typical.person THEN nearest.distance END AS rival_distance,
       typical.distance + {rivalry} * (typical.distance - nearest.distance) AS score
FROM typical JOIN nearest USING (face_key)
