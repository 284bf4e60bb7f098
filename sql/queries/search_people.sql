-- The photos of every person by the score of their best face; what was confirmed first, without what was rejected.
INSERT INTO search_results (parameter_set, person, rank, sha256, face_key, distance, score, plain_distance, rival,
    rival_distance, confirmed)
SELECT {parameter_set}, person, rank, sha256, face_key, distance, score, plain_distance, rival, rival_distance,
       confirmed
FROM (
    SELECT best.*, nearest.plain_distance, coalesce(said.shown, false) AS confirmed,
           row_number() OVER (PARTITION BY person ORDER BY coalesce(said.shown, false) DESC, score, sha256) AS rank
    FROM (
        SELECT DISTINCT ON (person, sha256) person, sha256, face_key, distance, score, rival, rival_distance
        FROM compared ORDER BY person, sha256, score, face_key
    ) best
    JOIN (
        SELECT person, sha256, min(plain_distance) AS plain_distance FROM compared GROUP BY person, sha256
    ) nearest USING (person, sha256)
    LEFT JOIN feedback said USING (person, sha256)
    WHERE said.shown IS DISTINCT FROM false
) ranked
WHERE rank <= %(kept)s
