-- From which face of the event's own photos a reference was cut, so that it goes where that face turns out to be somebody else's.
-- depends: 0028_guest_links

CREATE TABLE cut_references (
    person    text NOT NULL,
    reference bytea NOT NULL,
    sha256    bytea NOT NULL,
    x integer NOT NULL, y integer NOT NULL,
    w integer NOT NULL, h integer NOT NULL,
    PRIMARY KEY (person, reference),
    FOREIGN KEY (person, reference) REFERENCES reference_photos (person, sha256) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX cut_references_photo ON cut_references (sha256);
COMMENT ON TABLE cut_references IS 'faces of named groups that references were cut from';
COMMENT ON COLUMN cut_references.reference IS 'SHA-256 of the reference photo';
COMMENT ON COLUMN cut_references.sha256 IS 'of the photo that it was cut from';

-- Earlier ones have the beginning of the photo's SHA-256 in their name, and their face is one that was named.
INSERT INTO cut_references (person, reference, sha256, x, y, w, h)
SELECT DISTINCT ON (r.person, r.sha256) r.person, r.sha256, f.sha256, f.x, f.y, f.w, f.h
FROM reference_photos r
JOIN group_statements s ON s.kind = 'name' AND s.person = r.person
JOIN group_statement_faces f USING (statement)
WHERE r.source = 'command' AND right(r.filename, 13) = '-' || left(encode(f.sha256, 'hex'), 8) || '.jpg'
ORDER BY r.person, r.sha256, s.statement DESC;
