-- People's keys have at most 100 characters: longer ones named files that no file system takes. As `key_of` makes them.
-- depends: 0006_score_tail

CREATE TEMPORARY TABLE shortened ON COMMIT DROP AS
SELECT person, rtrim(left(person, 89), '._-') || '-' || left(encode(sha256(person::bytea), 'hex'), 10) AS key
FROM people WHERE length(person) > 100;

INSERT INTO people (person, display_name, added_at)
SELECT key, display_name, added_at FROM people JOIN shortened USING (person);
INSERT INTO reference_photos (person, sha256, filename, source, largest, content, added_at)
SELECT key, sha256, filename, source, largest, content, added_at FROM reference_photos JOIN shortened USING (person);
UPDATE feedback f SET person = key FROM shortened s WHERE s.person = f.person;
UPDATE truth t SET person = key FROM shortened s WHERE s.person = t.person;
DELETE FROM people p USING shortened s WHERE s.person = p.person;  -- vectors and results are made again
