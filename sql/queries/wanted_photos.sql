-- The photos that filters leave; a filter that is null leaves all.
SELECT * FROM photos
WHERE (%(days)s::text[] IS NULL OR event_day = ANY (%(days)s))
  AND (%(taken_from)s::timestamp IS NULL OR taken_at >= %(taken_from)s)
  AND (%(taken_until)s::timestamp IS NULL OR taken_at <= %(taken_until)s)
  AND (%(country)s::text IS NULL OR country = %(country)s)
  {near} {company}
