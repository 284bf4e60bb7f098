-- Who was at a table together: two people who are both in a photo for sure or likely, in how many photos and when.
WITH shown AS (
    SELECT r.person, p.display_name, r.sha256
    FROM search_results r JOIN people p USING (person)
    WHERE r.parameter_set = %(parameter_set)s AND (r.confirmed OR r.score <= %(likely)s)
)
SELECT a.display_name AS person, b.display_name AS with_person, count(DISTINCT a.sha256) AS photos,
       min(p.taken_at) AS first, max(p.taken_at) AS last, min(p.path) AS for_example
FROM shown a
JOIN shown b ON b.sha256 = a.sha256 AND b.person > a.person
JOIN photos p ON p.sha256 = a.sha256
GROUP BY a.person, a.display_name, b.person, b.display_name
ORDER BY photos DESC, a.person, b.person
