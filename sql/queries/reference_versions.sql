-- What each person's search under a set depends on beside the set's vectors. People compete for faces, so it is the
-- same for everyone: the rules, the vectors of all references, and what was said of photos.
WITH made AS (
    SELECT person, sha256, md5(embedding::text) || embedder_fingerprint AS version
    FROM reference_embeddings WHERE parameter_set = %(parameter_set)s AND embedding IS NOT NULL
)
SELECT DISTINCT person, md5(%(ranking)s
    || (SELECT string_agg(concat_ws(' ', person, sha256, version), ',' ORDER BY person, sha256) FROM made)
    || (SELECT coalesce(string_agg(concat_ws(' ', said.person, said.sha256, shown, x, y, w, h,
                                             CASE WHEN by_hand THEN 'by hand' END, md5(e.embedding::text)),
                                   ',' ORDER BY said.person, said.sha256), '')
        FROM feedback said
        LEFT JOIN by_hand_embeddings e ON (e.person, e.sha256) = (said.person, said.sha256) AND e.embedder_fingerprint
            = (SELECT embedder_fingerprint FROM parameter_sets WHERE parameter_set = %(parameter_set)s)
       )) AS references_version
FROM made
