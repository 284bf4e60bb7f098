-- Sets the time of photos to that of the camera, moved by the shift of its clock; a shift of the day goes before that of
-- all days. Rows that are right stay untouched. A day or paths that are null are all.
UPDATE photos p SET taken_at = shifted.taken_at
FROM (
    SELECT event_day, path,
           camera_time + coalesce(
               (SELECT shift FROM clock_shifts s WHERE s.camera = photos.camera AND s.event_day IN ('', photos.event_day)
                ORDER BY s.event_day DESC LIMIT 1),
               interval '0'
           ) AS taken_at
    FROM photos
    WHERE (%(day)s::text IS NULL OR event_day = %(day)s) AND (%(paths)s::text[] IS NULL OR path = ANY (%(paths)s))
) shifted
WHERE (p.event_day, p.path) = (shifted.event_day, shifted.path) AND p.taken_at IS DISTINCT FROM shifted.taken_at
