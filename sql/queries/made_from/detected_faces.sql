-- Faces of a day under a set follow from its photos.
SELECT photos.partition || '|' || parameter_set AS partition, photos.data_version AS made_from,
       CASE WHEN d.event_day IS NOT NULL
            THEN ARRAY[d.detector_fingerprint, d.embedder_fingerprint, d.clothes_fingerprint] END AS made_by
FROM made photos
JOIN event_days ON event_day = photos.partition AND available
CROSS JOIN parameter_sets
LEFT JOIN set_days d USING (event_day, parameter_set)
WHERE photos.asset = 'raw_photos'
  AND (%(days)s::text[] IS NULL OR photos.partition = ANY (%(days)s))
  AND (%(sets)s::text[] IS NULL OR parameter_set = ANY (%(sets)s))
