-- What each person's search under a set depends on beside the set's vectors: the vectors of their references.
SELECT person, md5(string_agg(md5(embedding::text) || embedder_fingerprint, ',' ORDER BY sha256)) AS references_version
FROM reference_embeddings
WHERE parameter_set = %(parameter_set)s AND embedding IS NOT NULL
GROUP BY person
