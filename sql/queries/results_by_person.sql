-- The scores of each person's photos under a set, and the first of those.
SELECT p.display_name, array_agg(r.score ORDER BY r.rank),
       (SELECT path FROM photos WHERE photos.sha256 = (array_agg(r.sha256 ORDER BY r.rank))[1]
        ORDER BY event_day, path LIMIT 1),
       round((array_agg(r.distance ORDER BY r.rank))[1]::numeric, 3)::float8
FROM search_results r JOIN people p USING (person)
WHERE r.parameter_set = %(parameter_set)s
GROUP BY p.person
ORDER BY p.person
