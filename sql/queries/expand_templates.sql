-- Takes each person's sure faces into their template: nearer to it than `sure`, the nearest of their photo, and nearer to
-- nobody else. They make half of it at most: however many there are, they can't carry it away from the references. The
-- distance is the typical one to the template's members, the root of the mean square.
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
everything AS (
    SELECT person, embedder_fingerprint, embedding, false AS sure FROM members
    UNION ALL
    SELECT person, embedder_fingerprint, embedding, true FROM sure
),
halves AS (
    SELECT person, embedder_fingerprint, sure, count(*) AS faces, avg(embedding) AS centre,
           avg(vector_norm(embedding) ^ 2) AS square
    FROM everything GROUP BY person, embedder_fingerprint, sure
),
taken AS (
    SELECT person, embedder_fingerprint, sum(faces) FILTER (WHERE sure) AS sure, avg(centre) AS centre,
           avg(square) AS square
    FROM halves GROUP BY person, embedder_fingerprint
    HAVING sum(faces) FILTER (WHERE sure) >= sum(faces) FILTER (WHERE NOT sure)
    UNION ALL
    SELECT person, embedder_fingerprint, count(*) FILTER (WHERE sure), avg(embedding), avg(vector_norm(embedding) ^ 2)
    FROM everything GROUP BY person, embedder_fingerprint
    HAVING count(*) FILTER (WHERE sure) < count(*) FILTER (WHERE NOT sure)
)
UPDATE templates t
SET centre = taken.centre, spread = greatest(0, taken.square - vector_norm(taken.centre) ^ 2), sure = taken.sure
FROM taken
WHERE (taken.person, taken.embedder_fingerprint) = (t.person, t.embedder_fingerprint)
