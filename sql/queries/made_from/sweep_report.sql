-- The report follows from the figures of all sets.
SELECT '' AS partition,
       version_of(string_agg(concat_ws(' ', partition, data_version), E'\n' ORDER BY partition)) AS made_from,
       NULL::text[] AS made_by
FROM made WHERE asset = 'evaluation'
HAVING count(*) > 0
