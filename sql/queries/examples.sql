-- One of each thing of the home, to fill in examples: a folder, an event day, two people, a photo of the first one under
-- the default set, the set with the largest two groups of faces, and a camera; null is what the home lacks.
WITH somebody AS (
    SELECT person, display_name, filename
    FROM people JOIN reference_photos USING (person) ORDER BY reference_photos.added_at, person LIMIT 1
),
best AS (
    SELECT p.path, p.event_day
    FROM search_results r JOIN parameter_sets USING (parameter_set) JOIN somebody USING (person) JOIN photos p USING (sha256)
    WHERE is_default AND r.face_key IS NOT NULL ORDER BY r.rank, p.event_day, p.path LIMIT 1
),
largest AS (
    SELECT parameter_set, face_group, row_number() OVER (ORDER BY is_default DESC, added_at, count(*) DESC, face_group) AS nth
    FROM group_faces JOIN parameter_sets USING (parameter_set) GROUP BY parameter_set, face_group, is_default, added_at
),
taking AS (SELECT camera FROM photos WHERE camera IS NOT NULL GROUP BY camera ORDER BY count(*) DESC, camera LIMIT 1)
SELECT
    (SELECT path FROM photo_roots ORDER BY root_id LIMIT 1) AS folder,
    (SELECT event_day FROM event_days ORDER BY available DESC, event_day LIMIT 1) AS day,
    (SELECT concat_ws('/', path, nullif(folder, '')) FROM event_days JOIN photo_roots USING (root_id)
        ORDER BY available DESC, event_day LIMIT 1) AS day_folder,
    (SELECT display_name FROM somebody) AS person,
    (SELECT display_name FROM people WHERE person <> (SELECT person FROM somebody) ORDER BY person LIMIT 1) AS other,
    (SELECT filename FROM somebody) AS reference,
    (SELECT path FROM best) AS photo,
    (SELECT event_day FROM best) AS photo_day,
    (SELECT parameter_set FROM largest WHERE nth = 1) AS parameter_set,
    (SELECT face_group FROM largest WHERE nth = 1) AS "group",
    (SELECT p.path FROM largest JOIN group_faces f USING (parameter_set, face_group) JOIN photos p USING (sha256)
        WHERE nth = 1 ORDER BY f.rank DESC, p.path LIMIT 1) AS group_photo,
    (SELECT p.event_day FROM largest JOIN group_faces f USING (parameter_set, face_group) JOIN photos p USING (sha256)
        WHERE nth = 1 ORDER BY f.rank DESC, p.path LIMIT 1) AS group_photo_day,
    (SELECT o.face_group FROM largest o JOIN largest l USING (parameter_set) WHERE l.nth = 1 AND o.nth > 1
        ORDER BY o.nth LIMIT 1) AS other_group,
    (SELECT camera FROM taking) AS camera,
    (SELECT extract(epoch FROM shift)::integer FROM clock_shifts JOIN taking USING (camera) WHERE event_day = '') AS shift
