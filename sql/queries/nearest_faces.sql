-- The part of find.sql that compares vectors: the nearest faces for each probe. `indexed` casts to what the index that
-- shall serve holds, and is empty where none shall; distances are those of the vectors themselves, of 32 bits.
probes AS MATERIALIZED (  -- else each probe's text is parsed again for every row it is compared with
    SELECT number, vector::vector({dimension}) AS embedding, embedder
    FROM unnest(%(vectors)s::text[], %(embedders)s::text[]) WITH ORDINALITY AS probe (vector, embedder, number)
),
near AS (
    SELECT probes.number, e.sha256, e.face_key, e.detector_fingerprint, candidate.distance
    FROM probes
    CROSS JOIN LATERAL (
        SELECT e.ctid AS place, e.embedding {operator} probes.embedding AS distance
        FROM {table} e
        WHERE e.embedder_fingerprint = probes.embedder {among_wanted}
        ORDER BY e.embedding{indexed} {operator} probes.embedding{indexed}
        LIMIT %(candidates)s
    ) candidate
    JOIN {table} e ON e.ctid = candidate.place  -- else all that is known of each face is sorted with its distance
    {confirmed_faces}
)
