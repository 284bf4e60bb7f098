-- A day's photos are their own truth: what is where, and what could not be read and why. As `photos.photos_version`.
SELECT event_day AS partition,
       version_of(string_agg(
           json_build_array(path, coalesce(encode(sha256, 'hex'), ''), coalesce(problem, '')) || E'\n', ''
           ORDER BY path COLLATE "C") FILTER (WHERE path IS NOT NULL)) AS made_from,
       NULL::text[] AS made_by
FROM event_days LEFT JOIN photos USING (event_day)
WHERE available AND (%(days)s::text[] IS NULL OR event_day = ANY (%(days)s))
GROUP BY event_day
