-- The faces of a day under a set, photo by photo and from left to right; copies of a photo count once.
SELECT thumbnail, path, 'score ' || round(score::numeric, 2) AS score
FROM (
    SELECT DISTINCT ON (f.face_key) f.thumbnail, p.path, f.score, f.x
    FROM detected_faces f
    JOIN photos p USING (sha256)
    JOIN parameter_sets s USING (detector_fingerprint)
    WHERE p.event_day = %(day)s AND s.parameter_set = %(parameter_set)s AND f.thumbnail <> ''
) faces
ORDER BY path, x
LIMIT %(most)s
