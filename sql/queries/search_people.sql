-- The photos of every person by the score of their best face; what was confirmed first, without what was rejected.
INSERT INTO search_results (parameter_set, person, rank, sha256, face_key, distance, score, plain_distance, rival,
    rival_distance, confirmed)
SELECT {parameter_set}, person, rank, sha256, face_key, distance, score, plain_distance, rival, rival_distance,
       confirmed
FROM (
    SELECT *, row_number() OVER (PARTITION BY person ORDER BY confirmed DESC, score, sha256) AS rank
    FROM (
        SELECT DISTINCT ON (c.person, c.sha256) c.person, c.sha256, c.face_key, c.distance, c.score, c.rival,
               c.rival_distance, coalesce(said.shown, false) AS confirmed,
               min(c.plain_distance) OVER (PARTITION BY c.person, c.sha256) AS plain_distance
        FROM compared c
        LEFT JOIN feedback said USING (person, sha256)
        WHERE said.shown IS DISTINCT FROM false
        ORDER BY c.person, c.sha256, c.score, c.face_key
    ) best
) ranked
WHERE rank <= %(kept)s
