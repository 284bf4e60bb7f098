-- A set's results follow from the ranking rules, its vectors (each transaction that changes them counts, so that results
-- are not current while a day is being filled), its index, its reference vectors, what was said of photos, and the rules
-- by which the clothes of its days were described.
SELECT s.parameter_set AS partition,
       concat_ws(' ', %(ranking)s, s.vectors_version, coalesce(index.data_version, '-'), coalesce(refs.version, '-'),
                 coalesce(said.version, '-'), clothes.version) AS made_from,
       NULL::text[] AS made_by
FROM parameter_sets s
LEFT JOIN made index ON (index.asset, index.partition) = ('hnsw_index', s.parameter_set)
LEFT JOIN (
    SELECT parameter_set,
           version_of(string_agg(concat_ws(' ', person, sha256, embedder_fingerprint, embedding_md5),
                                 E'\n' ORDER BY person, sha256)) AS version
    FROM reference_embeddings
    WHERE embedding_md5 IS NOT NULL AND (%(sets)s::text[] IS NULL OR parameter_set = ANY (%(sets)s))
    GROUP BY 1
) refs USING (parameter_set)
LEFT JOIN (
    SELECT u.embedder_fingerprint,
           version_of(string_agg(concat_ws(' ', said.person, said.sha256, shown, x, y, w, h, by_hand,
                                           e.embedding_md5), E'\n' ORDER BY said.person, said.sha256)) AS version
    FROM (SELECT DISTINCT embedder_fingerprint FROM parameter_sets) u
    CROSS JOIN feedback said
    LEFT JOIN by_hand_embeddings e ON (e.person, e.sha256, e.embedder_fingerprint)
        = (said.person, said.sha256, u.embedder_fingerprint)
    GROUP BY 1
) said ON said.embedder_fingerprint IS NOT DISTINCT FROM s.embedder_fingerprint
LEFT JOIN (
    SELECT parameter_set,
           version_of(string_agg(concat_ws(' ', event_day, clothes_fingerprint), E'\n' ORDER BY event_day)) AS version
    FROM set_days
    WHERE clothes_fingerprint IS NOT NULL AND (%(sets)s::text[] IS NULL OR parameter_set = ANY (%(sets)s))
    GROUP BY 1
) clothes USING (parameter_set)
WHERE %(sets)s::text[] IS NULL OR s.parameter_set = ANY (%(sets)s)
