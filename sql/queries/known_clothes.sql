-- What people wear in photos where it is certain which face is theirs: the faces in `sure_faces`, of several of a person
-- in one photo the first. Of each event day, which of several is the first that the photo is in, and person come the
-- first `most` photos by SHA-256: only their descriptors are read. A moment is the half minute in which a photo was taken;
-- each is one of its own where that is not known. Descriptors of two fingerprints are never compared: those come by which
-- most faces were described. A row for each day, since a client takes longer to receive a row than a descriptor.
WITH known AS MATERIALIZED (
    SELECT DISTINCT ON (person, sha256) number, person, sha256, face_key FROM sure_faces ORDER BY person, sha256, number
),
day AS MATERIALIZED (
    SELECT DISTINCT ON (sha256) sha256, event_day, taken_at
    FROM photos JOIN (SELECT DISTINCT sha256 FROM known) photo USING (sha256)
    ORDER BY sha256, event_day, path
),
described AS MATERIALIZED (
    SELECT known.*, day.event_day, day.taken_at, c.fingerprint
    FROM known
    JOIN day USING (sha256)
    JOIN set_days d ON (d.parameter_set, d.event_day) = (%(parameter_set)s, day.event_day)
    JOIN clothes c ON (c.face_key, c.fingerprint) = (known.face_key, d.clothes_fingerprint)
    WHERE c.descriptor IS NOT NULL
),
placed AS (
    SELECT *, row_number() OVER (PARTITION BY event_day, person ORDER BY sha256) AS place
    FROM described
    WHERE fingerprint = (
        SELECT fingerprint FROM described GROUP BY fingerprint ORDER BY count(DISTINCT face_key) DESC, min(event_day) LIMIT 1
    )
)
SELECT event_day, fingerprint, string_agg(int4send(person), ''), string_agg(int8send(moment), ''),
       string_agg(sha256, ''), string_agg(uuid_send(face_key), ''), string_agg(descriptor, '')
FROM (
    SELECT placed.*, c.descriptor,
           coalesce(div(extract(epoch FROM placed.taken_at), 30)::bigint, -row_number() OVER ()) AS moment
    FROM placed
    JOIN clothes c USING (face_key)
    WHERE placed.place <= %(most)s
    ORDER BY placed.event_day, placed.sha256, placed.face_key, placed.number
) one
GROUP BY event_day, fingerprint
ORDER BY event_day
