-- Takes each person's sure faces into their template: nearer to it than `sure`, the nearest of their photo, and nearer to
-- nobody else. The distance is the typical one to the template's members, the root of the mean square.
WITH near AS (
    SELECT t.person, t.embedder_fingerprint, e.sha256, e.face_key, {face} AS embedding,
           sqrt(({face} <-> t.centre) ^ 2 + t.spread) AS distance
    FROM templates t
    JOIN embeddings e ON e.parameter_set = {parameter_set} AND e.embedder_fingerprint = t.embedder_fingerprint
    WHERE sqrt(({face} <-> t.centre) ^ 2 + t.spread) <= %(sure)s
      AND NOT EXISTS (SELECT FROM feedback said WHERE said.person = t.person AND said.sha256 = e.sha256)
),
sure AS (
    SELECT *
    FROM (
        SELECT *, row_number() OVER (PARTITION BY person, sha256 ORDER BY distance, face_key) AS in_photo,
               row_number() OVER (PARTITION BY face_key ORDER BY distance, person) AS among_people
        FROM near
    ) ranked
    WHERE in_photo = 1 AND among_people = 1
),
taken AS (
    SELECT person, embedder_fingerprint, avg(embedding) AS centre, count(*) FILTER (WHERE sure) AS sure,
           greatest(0, avg(vector_norm(embedding) ^ 2) - vector_norm(avg(embedding)) ^ 2) AS spread
    FROM (
        SELECT person, embedder_fingerprint, embedding, false AS sure FROM members
        UNION ALL
        SELECT person, embedder_fingerprint, embedding, true FROM sure
    ) everything
    GROUP BY person, embedder_fingerprint
)
UPDATE templates t SET centre = taken.centre, spread = taken.spread, sure = taken.sure
FROM taken
WHERE (taken.person, taken.embedder_fingerprint) = (t.person, t.embedder_fingerprint)
