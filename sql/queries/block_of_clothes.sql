-- The clothes of the faces that block_of_vectors.sql gives, in its order and as it is read: the number, from 1, of the
-- event day in `days` that the photo is in, of several the first, and the descriptor. 0 and `nothing`, which is as long,
-- where it is in none of these or the clothes are not known.
COPY (
    SELECT coalesce(known.day, 0), coalesce(known.descriptor, %(nothing)s)
    FROM {table} e
    LEFT JOIN (
        SELECT c.face_key, c.descriptor, array_position(%(days)s::text[], photo.event_day) AS day
        FROM (
            SELECT sha256, min(event_day) AS event_day FROM photos
            WHERE sha256 BETWEEN %(first)s AND %(last)s GROUP BY sha256
        ) photo
        JOIN clothes c USING (sha256)
        WHERE c.fingerprint = %(fingerprint)s AND c.descriptor IS NOT NULL AND photo.event_day = ANY (%(days)s)
    ) known USING (face_key)
    WHERE e.sha256 BETWEEN %(first)s AND %(last)s AND e.embedder_fingerprint = ANY (%(embedders)s)
    ORDER BY e.sha256, e.face_key
) TO STDOUT (FORMAT binary)
