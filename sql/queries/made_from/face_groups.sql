-- A set's groups follow from its faces, as the index does, the rules by which they are made, and what people said of them.
SELECT s.parameter_set AS partition,
       concat_ws(' ', %(grouping)s, s.vectors_version, index.data_version, said.version) AS made_from,
       NULL::text[] AS made_by
FROM parameter_sets s
JOIN made index ON (index.asset, index.partition) = ('hnsw_index', s.parameter_set)
CROSS JOIN (
    SELECT version_of(string_agg(concat_ws(' ', statement, person, faces), E'\n' ORDER BY statement)) AS version
    FROM (
        SELECT statement, person, count(*) AS faces
        FROM group_statements JOIN group_statement_faces USING (statement) GROUP BY 1, 2
    ) statements
) said
WHERE %(sets)s::text[] IS NULL OR s.parameter_set = ANY (%(sets)s)
