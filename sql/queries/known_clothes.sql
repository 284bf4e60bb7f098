-- The clothes of some faces, each on the event day that its photo is in, of several the first; `moment` is the half
-- minute in which it was taken. Without `faces`, of all faces of the set in the photos.
SELECT day.event_day, c.sha256, c.face_key, div(extract(epoch FROM day.taken_at), 30)::bigint AS moment,
       d.clothes_fingerprint, c.descriptor
FROM (
    SELECT DISTINCT ON (sha256) sha256, event_day, taken_at FROM photos WHERE sha256 = ANY (%(photos)s)
    ORDER BY sha256, event_day, path
) day
JOIN set_days d ON (d.parameter_set, d.event_day) = (%(parameter_set)s, day.event_day)
JOIN clothes c ON (c.sha256, c.fingerprint) = (day.sha256, d.clothes_fingerprint)
JOIN {table} e ON e.face_key = c.face_key
WHERE c.descriptor IS NOT NULL AND (%(faces)s::uuid[] IS NULL OR c.face_key = ANY (%(faces)s::uuid[]))
ORDER BY day.event_day, c.sha256, c.face_key
