-- The clothes of all faces of a set in some photos of an event day, in one row: photos, face keys and descriptors.
SELECT coalesce(string_agg(sha256, ''), ''), coalesce(string_agg(uuid_send(face_key), ''), ''),
       coalesce(string_agg(descriptor, ''), '')
FROM (
    SELECT c.sha256, c.face_key, c.descriptor
    FROM clothes c
    JOIN set_days d
        ON (d.parameter_set, d.event_day, d.clothes_fingerprint) = (%(parameter_set)s, %(day)s, c.fingerprint)
    JOIN {table} e ON e.face_key = c.face_key
    WHERE c.sha256 = ANY (%(photos)s) AND c.descriptor IS NOT NULL
    ORDER BY c.sha256, c.face_key
) one
