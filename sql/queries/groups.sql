-- A set's groups, or one of them, of at least so many faces, and those that somebody named, the largest first. Whom a group is named after;
-- else who is found in most of its faces for sure, as far as results are stored.
WITH counts AS (
    SELECT face_group, count(*) AS faces, count(DISTINCT sha256) AS photos
    FROM group_faces
    WHERE parameter_set = %(parameter_set)s AND (%(group)s::text IS NULL OR face_group = %(group)s)
    GROUP BY 1
),
found AS (
    SELECT DISTINCT ON (face_group) face_group, r.person
    FROM group_faces f JOIN search_results r USING (parameter_set, sha256, face_key) JOIN counts USING (face_group)
    WHERE parameter_set = %(parameter_set)s AND (r.confirmed OR r.score <= %(sure)s)
    GROUP BY face_group, r.person, faces
    HAVING 2 * count(*) > faces
    ORDER BY face_group, count(*) DESC, r.person
)
SELECT g.face_group, people.person, people.display_name, g.person IS NOT NULL AS named, faces, photos
FROM face_groups g JOIN counts USING (face_group)
LEFT JOIN found USING (face_group)
LEFT JOIN people ON people.person = coalesce(g.person, found.person)
WHERE g.parameter_set = %(parameter_set)s AND (faces >= %(least)s OR g.person IS NOT NULL)
ORDER BY faces DESC, g.face_group
