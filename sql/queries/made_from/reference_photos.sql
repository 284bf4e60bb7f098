-- People and their reference photos are their own truth. As `people.references_version`.
SELECT '' AS partition,
       version_of(string_agg(
           json_build_array(person, display_name, encode(sha256, 'hex'), largest) || E'\n', ''
           ORDER BY person, encode(sha256, 'hex')) FILTER (WHERE person IS NOT NULL)) AS made_from,
       NULL::text[] AS made_by
FROM people LEFT JOIN reference_photos USING (person)
HAVING count(*) > 0 OR EXISTS (SELECT FROM made WHERE asset = 'reference_photos')
