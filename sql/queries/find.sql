-- The one query behind `find` that an index serves: nearest faces in order. `candidates` is how many of them to look at
-- for each probe; a face beyond them is farther than `horizon`. Vectors of another embedder are not comparable.
-- `among_wanted` looks at faces of `wanted` photos only, where there are filters; without, the few that are in no day any
-- more are left out afterwards. `exactly` is `+ 0` where no index shall serve: the planner may take one that is disabled.
WITH wanted AS NOT MATERIALIZED (
    {wanted}
),
probes AS MATERIALIZED (  -- else each probe's text is parsed again for every row it is compared with
    SELECT number, vector::vector({dimension}) AS embedding, embedder
    FROM unnest(%(vectors)s::text[], %(embedders)s::text[]) WITH ORDINALITY AS probe (vector, embedder, number)
),
near AS (
    SELECT probes.number, candidate.*
    FROM probes
    CROSS JOIN LATERAL (
        SELECT e.sha256, e.face_key, e.detector_fingerprint,
               e.embedding::vector({dimension}) {operator} probes.embedding AS distance
        FROM embeddings e
        WHERE e.parameter_set = {parameter_set} AND e.embedder_fingerprint = probes.embedder {among_wanted}
        ORDER BY (e.embedding::vector({dimension}) {operator} probes.embedding) {exactly}
        LIMIT %(candidates)s
    ) candidate
),
horizon AS (
    SELECT min(last) AS distance
    FROM (SELECT max(distance) AS last FROM near GROUP BY number HAVING count(*) = %(candidates)s) a_probe
),
nearest AS (
    SELECT *
    FROM (SELECT DISTINCT ON (sha256) * FROM near ORDER BY sha256, distance, face_key) a_photo
    WHERE EXISTS (SELECT FROM wanted w WHERE w.sha256 = a_photo.sha256)
    ORDER BY distance, sha256
    LIMIT %(limit)s
)
SELECT w.days, w.paths, n.distance, f.x, f.y, f.w, f.h, f.score, w.taken_at, w.country, w.place, n.sha256, f.thumbnail,
       n.distance <= coalesce((SELECT distance FROM horizon), 'infinity') AS certain
FROM nearest n
JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
CROSS JOIN LATERAL (
    SELECT array_agg(event_day ORDER BY event_day, path) AS days, array_agg(path ORDER BY event_day, path) AS paths,
           min(taken_at) AS taken_at, min(country) AS country, min(place) AS place
    FROM wanted p WHERE p.sha256 = n.sha256
) w
ORDER BY n.distance, n.sha256
