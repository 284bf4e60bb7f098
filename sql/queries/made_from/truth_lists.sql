-- Truth lists are their own truth. As `truth.truth_version`.
SELECT '' AS partition,
       version_of(string_agg(json_build_array(source, content) || E'\n', '' ORDER BY source)) AS made_from,
       NULL::text[] AS made_by
FROM truth_lists
HAVING count(*) > 0 OR EXISTS (SELECT FROM made WHERE asset = 'truth_lists')
