-- What people said about being shown to others.
-- depends: 0014_forgotten_folders

-- One row per statement: the newest one holds, the others say what held before.
CREATE TABLE consents (
    person    text NOT NULL REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE,
    stated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    agreed    boolean NOT NULL,
    until     date,            -- the last day on which it holds; null without an end
    source    text NOT NULL,   -- how it was given
    PRIMARY KEY (person, stated_at)
);
COMMENT ON TABLE consents IS 'whose faces stay in what is shared with other people hidden; the newest row of a person holds';
COMMENT ON COLUMN consents.until IS 'the last day on which it holds; null without an end';
COMMENT ON COLUMN consents.source IS 'how it was given, such as: command, signed form';
