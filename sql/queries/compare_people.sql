-- Every face with every person: the typical distance to the person's template, the distance to their nearest reference,
-- the rival, a person who is nearer, and the score. That is the geometric mean of the distance and of its ratio to the
-- distance of the nearest other person, times what is typical of all so that it stays a distance. Nobody is rewarded
-- for others who are farther than typical; and where only one person is asked for, the score is the distance.
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
among_people AS (
    SELECT *, first_value(person) OVER face AS nearest, first_value(distance) OVER face AS nearest_distance,
           nth_value(distance, 2) OVER face AS second_distance
    FROM typical
    WINDOW face AS (PARTITION BY face_key ORDER BY distance, person
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
),
usual AS MATERIALIZED (  -- else it is reckoned again for every row
    SELECT exp(avg(ln(greatest(distance, 1e-9)))) AS distance FROM typical
)
SELECT a.person, a.sha256, a.face_key, a.distance, plain.distance AS plain_distance,
       CASE WHEN a.nearest <> a.person THEN a.nearest END AS rival,
       CASE WHEN a.nearest <> a.person THEN a.nearest_distance END AS rival_distance,
       -- A face can be a reference itself: a quarter of the usual distance is as near as anybody need be.
       a.distance * sqrt(usual.distance / greatest(usual.distance / 4, least(usual.distance,
           CASE WHEN a.nearest <> a.person THEN a.nearest_distance ELSE a.second_distance END))) AS score
FROM among_people a
CROSS JOIN usual
JOIN plain ON (plain.person, plain.face_key) = (a.person, a.face_key)
