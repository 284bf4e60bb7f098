-- The nearest photos of many people at once, by exact search: each photo by its face nearest to any of the person's references.
INSERT INTO search_results (parameter_set, person, rank, sha256, face_key, distance)
SELECT {parameter_set}, people.person, best.rank, best.sha256, best.face_key, best.distance
FROM unnest(%(people)s::text[]) AS people (person)
CROSS JOIN LATERAL (
    SELECT row_number() OVER (ORDER BY distance, sha256) AS rank, nearest.*
    FROM (
        SELECT DISTINCT ON (e.sha256) e.sha256, e.face_key, e.embedding {operator} r.embedding AS distance
        FROM reference_embeddings r
        JOIN embeddings e ON e.parameter_set = r.parameter_set AND e.embedder_fingerprint = r.embedder_fingerprint
        WHERE r.parameter_set = {parameter_set} AND r.person = people.person AND r.embedding IS NOT NULL
        ORDER BY e.sha256, distance, e.face_key
    ) nearest
    ORDER BY distance, sha256
    LIMIT %(kept)s
) best
