-- The photos that were confirmed for a person by a box drawn by hand, in the columns of stored_results.sql: a live search
-- looks at the faces that a detector found, and knows no distance of these.
SELECT w.days, w.paths, NULL::float8, said.x, said.y, said.w, said.h, NULL::real, w.taken_at, w.country, w.place,
       said.sha256, said.thumbnail, NULL::float8, NULL::float8, NULL::text, NULL::float8, true
FROM feedback said
CROSS JOIN LATERAL (
    SELECT array_agg(event_day ORDER BY event_day, path) AS days, array_agg(path ORDER BY event_day, path) AS paths,
           min(taken_at) AS taken_at, min(country) AS country, min(place) AS place
    FROM ({wanted}) p WHERE p.sha256 = said.sha256
) w
WHERE said.person = %(person)s AND said.by_hand AND w.days IS NOT NULL
ORDER BY said.sha256
LIMIT %(limit)s
