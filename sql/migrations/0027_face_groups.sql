-- Faces that are one person's, put together without any reference, and what people said of such groups.
-- depends: 0026_ranked_photos

CREATE TABLE face_groups (
    parameter_set text NOT NULL REFERENCES parameter_sets ON DELETE CASCADE,
    face_group    text NOT NULL,
    person        text REFERENCES people ON UPDATE CASCADE ON DELETE SET NULL,
    PRIMARY KEY (parameter_set, face_group)
);
COMMENT ON TABLE face_groups IS 'faces that are one person''s, named or not; most are of one or two faces, of passers-by';
COMMENT ON COLUMN face_groups.face_group IS 'kept by the group that has most of its faces when groups are made again';
COMMENT ON COLUMN face_groups.person IS 'whom somebody named the group after; null if nobody did';

CREATE TABLE group_faces (
    parameter_set text NOT NULL,
    face_group    text NOT NULL,
    rank          integer NOT NULL,
    sha256        bytea NOT NULL,
    face_key      uuid NOT NULL,
    PRIMARY KEY (parameter_set, face_key),
    FOREIGN KEY (parameter_set, face_group) REFERENCES face_groups ON DELETE CASCADE
);
CREATE INDEX group_faces_rank ON group_faces (parameter_set, face_group, rank);
CREATE INDEX group_faces_photo ON group_faces (sha256);
COMMENT ON COLUMN group_faces.rank IS 'the most typical face is first, small ones last';

-- By photo content and box, so that it holds after a rerun, with new days, and in every set.
CREATE TABLE group_statements (
    statement bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL CHECK (kind IN ('name', 'same', 'different')),
    person    text REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE,
    author    text NOT NULL,
    stated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((kind = 'name') = (person IS NOT NULL))
);
COMMENT ON TABLE group_statements IS 'what somebody said of faces: that they are a person''s, or one person''s, or not; the newest holds';

CREATE TABLE group_statement_faces (
    statement bigint NOT NULL REFERENCES group_statements ON DELETE CASCADE,
    side      smallint NOT NULL CHECK (side IN (1, 2)),
    sha256    bytea NOT NULL,
    x integer NOT NULL, y integer NOT NULL,
    w integer NOT NULL, h integer NOT NULL,
    PRIMARY KEY (statement, side, sha256, x, y, w, h)
);
CREATE INDEX group_statement_faces_photo ON group_statement_faces (sha256);
COMMENT ON COLUMN group_statement_faces.side IS 'of `different`: no face of one side is the person of the other';
