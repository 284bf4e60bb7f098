-- The one query behind `find` that an index serves: nearest faces in order. `candidates` is how many of them to look at
-- for each probe; a face beyond them is farther than `horizon`. `near` is what compares vectors: nearest_faces.sql, or
-- for readers, who have no right to them, a function. Vectors of another embedder are not comparable. `among_wanted`
-- looks at faces of `wanted` photos only, where there are filters; without, the few that are in no day any more are left
-- out afterwards. `said` is the feedback on the person, of whose photos some may be confirmed (`confirmed_faces` is the
-- part for these), or a row of nulls.
-- Counts are of all photos up to the horizon, whatever of them is shown; they come also where none is.
WITH wanted AS NOT MATERIALIZED (
    {wanted}
),
{near},
horizon AS (
    SELECT coalesce(min(last), 'infinity') AS distance
    FROM (
        SELECT max(distance) AS last FROM near WHERE number IS NOT NULL
        GROUP BY number HAVING count(*) = %(candidates)s
    ) a_probe
),
ranked AS MATERIALIZED (
    SELECT best.*, coalesce(said.shown, false) AS confirmed, {band} AS band,
           said.x, said.y, said.w, said.h, said.thumbnail  -- of a box drawn by hand, which has no face
    FROM (SELECT DISTINCT ON (sha256) * FROM near ORDER BY sha256, face_key IS NOT NULL, distance, face_key) best
    {said}
    WHERE EXISTS (SELECT FROM wanted w WHERE w.sha256 = best.sha256) AND said.shown IS DISTINCT FROM false {of_face}
),
counts AS (
    SELECT count(*) FILTER (WHERE band = 'confirmed') AS confirmed, count(*) FILTER (WHERE band = 'sure') AS sure,
           count(*) FILTER (WHERE band = 'likely') AS likely
    FROM ranked
)
SELECT w.files, n.distance,
       coalesce(f.x, n.x) AS x, coalesce(f.y, n.y) AS y, coalesce(f.w, n.w) AS w, coalesce(f.h, n.h) AS h,
       f.score AS detector_score, w.taken_at, w.country, w.place, n.sha256, coalesce(f.thumbnail, n.thumbnail) AS thumbnail,
       n.distance AS score, n.distance AS plain_distance, NULL AS rival, NULL AS rival_distance, n.band,
       n.distance AS face_score, NULL AS clothes, NULL AS clothes_photos,
       counts.confirmed, counts.sure, counts.likely, horizon.distance AS horizon
FROM counts
CROSS JOIN horizon
LEFT JOIN (
    SELECT * FROM ranked
    WHERE %(bands)s::text[] IS NULL OR band = '' OR band = ANY (%(bands)s)
    ORDER BY confirmed DESC, distance, sha256
    LIMIT %(limit)s
) n ON true
LEFT JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
LEFT JOIN LATERAL (
    SELECT array_agg(ARRAY[event_day, p.path, r.path]) AS files,
           min(taken_at) AS taken_at, min(country) AS country, min(place) AS place
    FROM wanted p JOIN event_days USING (event_day) JOIN photo_roots r USING (root_id) WHERE p.sha256 = n.sha256
) w ON true
ORDER BY n.confirmed DESC, n.distance, n.sha256
