-- A person's stored results, with the paths that the photos have now; copies of a photo collapsed to one. Filters choose
-- among the photos as in find.sql. A box drawn by hand has no face that a detector found.
SELECT w.days, w.paths, r.distance, coalesce(f.x, said.x), coalesce(f.y, said.y), coalesce(f.w, said.w),
       coalesce(f.h, said.h), f.score, w.taken_at, w.country, w.place, r.sha256, coalesce(f.thumbnail, said.thumbnail),
       r.score, r.plain_distance, rival.display_name, r.rival_distance, r.confirmed
FROM search_results r
LEFT JOIN embeddings e USING (parameter_set, face_key)
LEFT JOIN detected_faces f ON f.sha256 = e.sha256 AND f.detector_fingerprint = e.detector_fingerprint
    AND f.face_key = e.face_key
LEFT JOIN feedback said ON (said.person, said.sha256) = (r.person, r.sha256) AND said.by_hand
LEFT JOIN people rival ON rival.person = r.rival
CROSS JOIN LATERAL (
    SELECT array_agg(event_day ORDER BY event_day, path) AS days, array_agg(path ORDER BY event_day, path) AS paths,
           min(taken_at) AS taken_at, min(country) AS country, min(place) AS place
    FROM photos p
    WHERE p.sha256 = r.sha256
      AND (%(days)s::text[] IS NULL OR event_day = ANY (%(days)s))
      AND (%(taken_from)s::timestamp IS NULL OR taken_at >= %(taken_from)s)
      AND (%(taken_until)s::timestamp IS NULL OR taken_at <= %(taken_until)s)
      AND (%(country)s::text IS NULL OR country = %(country)s)
) w
WHERE r.parameter_set = %(parameter_set)s AND r.person = %(person)s AND w.days IS NOT NULL
  AND (f.face_key IS NOT NULL OR said.by_hand)
ORDER BY r.rank
LIMIT %(limit)s
