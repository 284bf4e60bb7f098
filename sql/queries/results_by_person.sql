-- How many photos each person has under a set, how many of them are sure and likely by their score, and the first.
SELECT p.display_name, counted.photos, counted.sure, counted.likely,
       (SELECT path FROM photos WHERE photos.sha256 = first.sha256 ORDER BY event_day, path LIMIT 1),
       round(first.distance::numeric, 3)::float8
FROM people p
JOIN (
    SELECT person, count(*) AS photos, count(*) FILTER (WHERE score <= %(sure)s) AS sure,
           count(*) FILTER (WHERE score > %(sure)s AND score <= %(likely)s) AS likely
    FROM search_results WHERE parameter_set = %(parameter_set)s GROUP BY person
) counted USING (person)
JOIN search_results first ON (first.parameter_set, first.person, first.rank) = (%(parameter_set)s, p.person, 1)
ORDER BY p.person
