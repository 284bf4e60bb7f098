-- The photos of every person by the score of their best face; what was confirmed first, without what was rejected. A photo
-- that was confirmed by a box drawn by hand counts by that box, whatever faces are in it.
INSERT INTO search_results (parameter_set, person, rank, sha256, face_key, distance, score, plain_distance, rival,
    rival_distance, confirmed)
WITH best AS (
    SELECT DISTINCT ON (person, sha256) person, sha256, face_key, distance, score, rival, rival_distance
    FROM compared ORDER BY person, sha256, score, face_key
),
nearest AS (
    SELECT person, sha256, min(plain_distance) AS plain_distance FROM compared GROUP BY person, sha256
),
by_hand AS (
    SELECT said.person, said.sha256, {typical} AS distance,
           (SELECT min(e.embedding {operator} r.embedding) FROM reference_embeddings r
            WHERE r.parameter_set = {parameter_set} AND r.person = said.person
              AND r.embedder_fingerprint = e.embedder_fingerprint) AS plain_distance
    FROM feedback said
    JOIN searches searched ON (searched.parameter_set, searched.person) = ({parameter_set}, said.person)
    JOIN parameter_sets s ON s.parameter_set = searched.parameter_set
    LEFT JOIN by_hand_embeddings e ON (e.person, e.sha256, e.embedder_fingerprint)
        = (said.person, said.sha256, s.embedder_fingerprint)
    LEFT JOIN templates t ON (t.person, t.embedder_fingerprint) = (e.person, e.embedder_fingerprint)
    WHERE said.by_hand
),
photos_of AS (
    SELECT best.person, best.sha256, face_key, distance, score, plain_distance, rival, rival_distance
    FROM best
    JOIN nearest USING (person, sha256)
    WHERE NOT EXISTS (
        SELECT FROM feedback said WHERE (said.person, said.sha256) = (best.person, best.sha256) AND said.by_hand
    )
    UNION ALL
    SELECT person, sha256, NULL, distance, distance, plain_distance, NULL, NULL FROM by_hand
)
SELECT {parameter_set}, person, rank, sha256, face_key, distance, score, plain_distance, rival, rival_distance,
       confirmed
FROM (
    SELECT photos_of.*, coalesce(said.shown, false) AS confirmed,
           row_number() OVER (PARTITION BY person ORDER BY coalesce(said.shown, false) DESC, score, sha256) AS rank
    FROM photos_of
    LEFT JOIN feedback said USING (person, sha256)
    WHERE said.shown IS DISTINCT FROM false
) ranked
WHERE rank <= %(kept)s
