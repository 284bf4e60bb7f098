-- Names of the people with a usable reference under a set and no ranked photo.
SELECT display_name
FROM people p
WHERE EXISTS (
    SELECT FROM reference_embeddings e
    WHERE e.parameter_set = %(parameter_set)s AND e.person = p.person AND e.embedding IS NOT NULL
) AND NOT EXISTS (
    SELECT FROM search_results r WHERE r.parameter_set = %(parameter_set)s AND r.person = p.person
)
ORDER BY 1
