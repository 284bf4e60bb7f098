-- The face that a set uses of each reference photo, and what found it.
SELECT e.thumbnail, p.display_name, e.found_by
FROM reference_embeddings e
JOIN people p USING (person)
WHERE e.parameter_set = %(parameter_set)s AND e.thumbnail IS NOT NULL
ORDER BY e.person, e.sha256
