-- The distances of these people's references to all other references that the same embedder made vectors of.
WITH known AS MATERIALIZED (
    SELECT e.person, p.display_name, r.filename, e.embedder_fingerprint, e.embedding,
           row_number() OVER (PARTITION BY e.person ORDER BY r.added_at, r.sha256) - 1 AS number
    FROM reference_embeddings e
    JOIN reference_photos r USING (person, sha256)
    JOIN people p USING (person)
    WHERE e.parameter_set = %(parameter_set)s AND e.embedding IS NOT NULL
)
SELECT ours.person, ours.display_name, ours.filename, ours.number,
       theirs.person, theirs.display_name, theirs.filename, theirs.number, ours.embedding {operator} theirs.embedding
FROM known ours
JOIN known theirs USING (embedder_fingerprint)
WHERE ours.person = ANY (%(people)s) AND (ours.person, ours.number) <> (theirs.person, theirs.number)
ORDER BY ours.person, ours.number, theirs.person, theirs.number
