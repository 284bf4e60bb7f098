-- How many photos with a face under a set, or a box drawn by hand for the person, the filters leave, copies counted once, without those that were rejected for
-- the person; at most `most`.
SELECT count(*)
FROM (
    SELECT
    FROM (SELECT DISTINCT sha256 FROM ({wanted}) wanted) photo
    WHERE (EXISTS (
        SELECT FROM embeddings e WHERE e.parameter_set = %(parameter_set)s AND e.sha256 = photo.sha256
    ) OR EXISTS (
        SELECT FROM feedback f WHERE f.person = %(person)s AND f.sha256 = photo.sha256 AND f.by_hand
    ))
    AND NOT EXISTS (
        SELECT FROM feedback f WHERE f.person = %(person)s AND f.sha256 = photo.sha256 AND NOT f.shown
    )
    LIMIT %(most)s
) counted
