-- The photos that filters leave; a filter that is null leaves all.
SELECT * FROM photos
WHERE (%(days)s::text[] IS NULL OR event_day = ANY (%(days)s))
  AND (%(taken_from)s::timestamp IS NULL OR taken_at >= %(taken_from)s)
  AND (%(taken_until)s::timestamp IS NULL OR taken_at <= %(taken_until)s)
  AND (%(country)s::text IS NULL OR country = %(country)s)
  AND (%(metres)s::float8 IS NULL OR  -- haversines, on the mean sphere
       2 * 6371008.8 * asin(least(1, sqrt(
           sin(radians(latitude - %(latitude)s) / 2) ^ 2
           + cos(radians(latitude)) * cos(radians(%(latitude)s)) * sin(radians(longitude - %(longitude)s) / 2) ^ 2
       ))) <= %(metres)s)
  {company}
