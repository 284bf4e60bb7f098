-- The clothes of all faces of a set in some photos of an event day.
SELECT c.sha256, uuid_send(c.face_key), c.descriptor
FROM clothes c
JOIN set_days d ON (d.parameter_set, d.event_day, d.clothes_fingerprint) = (%(parameter_set)s, %(day)s, c.fingerprint)
JOIN {table} e ON e.face_key = c.face_key
WHERE c.sha256 = ANY (%(photos)s) AND c.descriptor IS NOT NULL
ORDER BY c.sha256, c.face_key
