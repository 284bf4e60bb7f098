-- The part of find.sql that compares vectors: the nearest faces for each probe.
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
        FROM {table} e
        WHERE e.embedder_fingerprint = probes.embedder {among_wanted}
        ORDER BY (e.embedding::{floats}({dimension}) {operator} probes.embedding::{floats}({dimension})) {exactly}
        LIMIT %(candidates)s
    ) candidate
    {confirmed_faces}
)
