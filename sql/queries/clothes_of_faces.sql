-- The clothes of some faces of photos from `first` to `last`, in one row of three fields, since a client takes longer to
-- receive a row than a descriptor: numbers, from 1, of the faces in `faces`; those, from 1, of the event days in `days`
-- that their photos are in, of several the first; and the descriptors. Faces of other days, and those whose clothes are
-- not known, are left out.
COPY (
    SELECT coalesce(string_agg(int4send(face.number::integer), ''), ''),
           coalesce(string_agg(int4send(array_position(%(days)s::text[], photo.event_day)), ''), ''),
           coalesce(string_agg(known.descriptor, ''), '')
    FROM unnest(%(faces)s::uuid[]) WITH ORDINALITY face (face_key, number)
    CROSS JOIN LATERAL (  -- looked up one by one: `clothes` has those of all days and sets
        SELECT c.sha256, c.descriptor FROM clothes c
        WHERE (c.face_key, c.fingerprint) = (face.face_key, %(fingerprint)s) AND c.descriptor IS NOT NULL
        OFFSET 0
    ) known
    JOIN (
        SELECT sha256, min(event_day) AS event_day FROM photos
        WHERE sha256 BETWEEN %(first)s AND %(last)s GROUP BY sha256
    ) photo USING (sha256)
    WHERE array_position(%(days)s::text[], photo.event_day) IS NOT NULL  -- of which the planner expects most, not one in 200
) TO STDOUT (FORMAT binary)
