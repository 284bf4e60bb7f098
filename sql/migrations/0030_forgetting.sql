-- What was forgotten, known again by keyed hashes alone, and a record of each forgetting.
-- depends: 0029_cut_references

CREATE TABLE forgettings (
    forgetting integer PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('person', 'photo', 'day', 'set', 'unmatched')),
    begun_at   timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    receipt    jsonb
);
COMMENT ON TABLE forgettings IS 'what was asked to be forgotten, and how that ended; names nobody';
COMMENT ON COLUMN forgettings.ended_at IS 'null while it is not done';
COMMENT ON COLUMN forgettings.receipt IS 'counts per place before and after, and what is out of reach';

-- The key lies in the home: whoever has the tables alone learns neither name nor photo from this.
CREATE TABLE tombstones (
    kind       text NOT NULL CHECK (kind IN ('photo', 'face', 'reference', 'name')),
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    x integer NOT NULL DEFAULT 0, y integer NOT NULL DEFAULT 0,
    w integer NOT NULL DEFAULT 0, h integer NOT NULL DEFAULT 0,
    forgetting integer NOT NULL REFERENCES forgettings,
    PRIMARY KEY (kind, digest, x, y, w, h),
    CHECK ((kind = 'face') = (w > 0))
);
COMMENT ON TABLE tombstones IS 'what is not read again';
COMMENT ON COLUMN tombstones.digest IS 'HMAC-SHA-256 of the content of a photo or reference, or of a person''s key';
COMMENT ON COLUMN tombstones.x IS 'of a face: its box in upright pixels of the photo';

CREATE TABLE tombstone_key (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    check_value bytea NOT NULL
);
COMMENT ON COLUMN tombstone_key.check_value IS 'tells whether a home has the key of these tombstones';

CREATE TABLE cleanings (
    what       text PRIMARY KEY,
    cleaned_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cleanings IS 'what earlier versions stored elsewhere and was taken out there, each once';

ALTER TABLE consents ADD COLUMN given_on date;
COMMENT ON COLUMN consents.given_on IS 'when the person said so; null where only the day of the record is known';
ALTER TABLE event_days ADD COLUMN registered_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN event_days.registered_at IS 'from which FACEFIND_KEEP_DAYS counts';

-- JPEG does not compress, and what is stored as it is can be searched for.
ALTER TABLE detected_faces ALTER COLUMN thumbnail SET STORAGE EXTERNAL;
ALTER TABLE reference_embeddings ALTER COLUMN thumbnail SET STORAGE EXTERNAL;
ALTER TABLE feedback ALTER COLUMN thumbnail SET STORAGE EXTERNAL;
