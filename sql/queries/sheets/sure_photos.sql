-- The files of each person's first photos under a set that are confirmed, or score up to the cut for sure ones, if there is one.
SELECT name, array_agg(file ORDER BY rank)
FROM (
    SELECT p.display_name AS name, r.person, r.rank, row_number() OVER (PARTITION BY r.person ORDER BY r.rank) AS place,
           (SELECT path FROM photos WHERE photos.sha256 = r.sha256 ORDER BY event_day, path LIMIT 1) AS file
    FROM search_results r JOIN people p USING (person)
    WHERE r.parameter_set = %(parameter_set)s AND r.rank <= %(ranks)s AND (r.confirmed OR r.score <= %(sure)s)
) best
WHERE file IS NOT NULL AND place <= %(each)s
GROUP BY person, name ORDER BY person LIMIT %(most)s
