-- A set's figures follow from its results, the truth lists, and the rules by which they are computed.
SELECT results.partition, concat_ws(' ', %(evaluation)s, truth.version, results.data_version) AS made_from,
       NULL::text[] AS made_by
FROM made results
CROSS JOIN (
    SELECT version_of(string_agg(json_build_array(source, content) || E'\n', '' ORDER BY source)) AS version
    FROM truth_lists
) truth
WHERE results.asset = 'search_results'
  AND (%(sets)s::text[] IS NULL OR results.partition = ANY (%(sets)s))
