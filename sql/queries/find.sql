-- Nearest photos to one or more probes, a photo by its nearest face, copies of a photo collapsed to one.
-- The innermost query is what an index serves: nearest faces in order. `candidates` is how many of them to look at.
WITH wanted AS NOT MATERIALIZED (
    SELECT * FROM photos
    WHERE (%(days)s::text[] IS NULL OR event_day = ANY (%(days)s))
      AND (%(taken_from)s::timestamp IS NULL OR taken_at >= %(taken_from)s)
      AND (%(taken_before)s::timestamp IS NULL OR taken_at < %(taken_before)s)
      AND (%(country)s::text IS NULL OR country = %(country)s)
),
probes AS MATERIALIZED (  -- else each probe's text is parsed again for every row it is compared with
    SELECT probe::vector({dimension}) AS embedding FROM unnest(%(probes)s::text[]) AS probe
),
near AS (
    SELECT candidate.*
    FROM probes
    CROSS JOIN LATERAL (
        SELECT e.sha256, e.face_key, e.detector_fingerprint,
               e.embedding::vector({dimension}) {operator} probes.embedding AS distance
        FROM embeddings e
        WHERE e.parameter_set = {parameter_set}
          AND EXISTS (SELECT FROM wanted w WHERE w.sha256 = e.sha256)
        ORDER BY e.embedding::vector({dimension}) {operator} probes.embedding
        LIMIT %(candidates)s
    ) candidate
),
nearest AS (
    SELECT *
    FROM (SELECT DISTINCT ON (sha256) * FROM near ORDER BY sha256, distance, face_key) a_photo
    ORDER BY distance, sha256
    LIMIT %(limit)s
)
SELECT w.days, w.paths, n.distance, f.x, f.y, f.w, f.h, f.score, w.taken_at, w.country, w.place, n.sha256, f.thumbnail
FROM nearest n
JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
CROSS JOIN LATERAL (
    SELECT array_agg(event_day ORDER BY event_day, path) AS days, array_agg(path ORDER BY event_day, path) AS paths,
           min(taken_at) AS taken_at, min(country) AS country, min(place) AS place
    FROM wanted p WHERE p.sha256 = n.sha256
) w
ORDER BY n.distance, n.sha256
