-- A set's index follows from the vectors of all its days and the kind that was chosen. It bears its name, so that one
-- that was dropped, or is not valid, is due. Nothing is to be indexed before a day has vectors.
SELECT parameter_set AS partition,
       concat_ws(' ', vectors.version, index_method, CASE WHEN index_halfvec THEN 'halfvec' END, 'm=' || index_m,
                 'ef_construction=' || index_ef_construction, 'lists=' || index_lists, live.names) AS made_from,
       NULL::text[] AS made_by
FROM parameter_sets s
LEFT JOIN (
    SELECT split_part(partition, '|', 2) AS parameter_set,
           string_agg(json_build_array(split_part(partition, '|', 1), data_version) || E'\n', ''
                      ORDER BY split_part(partition, '|', 1)) AS lines
    FROM made WHERE asset = 'face_embeddings'
      AND (%(sets)s::text[] IS NULL OR split_part(partition, '|', 2) = ANY (%(sets)s))
    GROUP BY 1
) days USING (parameter_set)
CROSS JOIN LATERAL (SELECT version_of(days.lines) AS version) vectors
LEFT JOIN (
    SELECT t.relname AS table_name, string_agg(c.relname, ' ' ORDER BY c.relname) AS names
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_am a ON a.oid = c.relam
    WHERE a.amname IN ('hnsw', 'ivfflat') AND i.indisvalid AND t.oid = to_regclass(quote_ident(t.relname))
    GROUP BY 1
) live USING (table_name)
WHERE (%(sets)s::text[] IS NULL OR parameter_set = ANY (%(sets)s))
  AND (days.lines IS NOT NULL OR EXISTS (SELECT FROM made WHERE (asset, partition) = ('hnsw_index', s.parameter_set)))
