-- A day's timeline: for each hour how many photos were taken, where, and who is in them for sure or likely.
SELECT date_trunc('hour', p.taken_at) AS hour, count(DISTINCT p.sha256) AS photos,
       string_agg(DISTINCT p.place, ', ' ORDER BY p.place) AS places,
       string_agg(DISTINCT people.display_name, ', ' ORDER BY people.display_name) AS people
FROM photos p
LEFT JOIN search_results r ON r.parameter_set = %(parameter_set)s AND r.sha256 = p.sha256
    AND (r.confirmed OR r.score <= %(likely)s)
LEFT JOIN people USING (person)
WHERE p.event_day = %(day)s AND p.taken_at IS NOT NULL AND p.problem IS NULL
GROUP BY hour
ORDER BY hour
