-- Reference photos as they were added, person by person.
SELECT p.display_name, r.content
FROM reference_photos r
JOIN people p USING (person)
ORDER BY p.person, r.added_at
LIMIT %(most)s
