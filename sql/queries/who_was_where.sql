-- Who was where: each person's places with the first and the last photo there that shows them for sure or likely.
SELECT people.display_name AS person, p.country, p.place, min(p.taken_at) AS first, max(p.taken_at) AS last,
       count(DISTINCT p.sha256) AS photos
FROM search_results r
JOIN people USING (person)
JOIN photos p ON p.sha256 = r.sha256
WHERE r.parameter_set = %(parameter_set)s AND (r.confirmed OR r.score <= %(likely)s) AND p.place IS NOT NULL
GROUP BY people.person, people.display_name, p.country, p.place
ORDER BY people.person, first, p.country, p.place
