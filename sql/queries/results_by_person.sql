-- How many photos each person has under a set, their scores, and the first of them.
SELECT p.display_name, count(*), array_remove(array_agg(r.score ORDER BY r.rank), NULL),
       (SELECT path FROM photos WHERE photos.sha256 = (array_agg(r.sha256 ORDER BY r.rank))[1]
        ORDER BY event_day, path LIMIT 1),
       round((array_agg(r.distance ORDER BY r.rank))[1]::numeric, 3)::float8
FROM search_results r JOIN people p USING (person)
WHERE r.parameter_set = %(parameter_set)s
GROUP BY p.person
ORDER BY p.person
