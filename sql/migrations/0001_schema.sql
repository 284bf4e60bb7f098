-- The whole schema. Below `photos`, tables refer to a photo by the SHA-256 of its content; paths are joined when read.
-- depends:

CREATE EXTENSION IF NOT EXISTS vector;

-- Folders that were given once and are watched from then on.
CREATE TABLE photo_roots (
    root_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path     text NOT NULL UNIQUE,
    added_at timestamptz NOT NULL DEFAULT now()
);

-- A day is one folder of photos; an unavailable one keeps everything that is known of it.
CREATE TABLE event_days (
    event_day text PRIMARY KEY CHECK (event_day ~ '^[a-z0-9][a-z0-9._-]*$'),
    root_id   integer NOT NULL REFERENCES photo_roots,
    folder    text NOT NULL,  -- below the root; empty is the root itself
    available boolean NOT NULL DEFAULT true,
    UNIQUE (root_id, folder)
);

-- One row a file. `problem` says why a file could not be read; then what is unknown is null.
CREATE TABLE photos (
    event_day   text NOT NULL REFERENCES event_days,
    path        text NOT NULL,  -- below the root
    sha256      bytea CHECK (length(sha256) = 32),
    bytes       bigint NOT NULL,
    mtime_ns    bigint NOT NULL,
    inode       bigint NOT NULL,
    problem     text,
    format      text,
    width       integer,        -- upright pixels
    height      integer,
    orientation smallint,       -- EXIF 1..8
    taken_at    timestamp,      -- the camera's local time
    latitude    double precision,
    longitude   double precision,
    country     text,           -- ISO 3166-1 alpha-2
    place       text,
    camera      text,
    PRIMARY KEY (event_day, path),
    CHECK (problem IS NOT NULL OR (sha256 IS NOT NULL AND width > 0 AND height > 0))
);
CREATE INDEX photos_sha256 ON photos (sha256);

-- What a detector or embedder really was: settings, library versions, SHA-256 of each model file.
CREATE TABLE fingerprints (
    fingerprint text PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('detector', 'embedder')),
    meaning     jsonb NOT NULL,
    first_seen  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE parameter_sets (
    parameter_set        text PRIMARY KEY,
    table_name           text NOT NULL UNIQUE,
    settings             jsonb NOT NULL,
    dimension            integer NOT NULL,
    metric               text NOT NULL CHECK (metric IN ('l2', 'cosine', 'ip', 'l1')),
    active               boolean NOT NULL DEFAULT true,
    is_default           boolean NOT NULL DEFAULT false,
    index_method         text NOT NULL DEFAULT 'auto' CHECK (index_method IN ('auto', 'hnsw', 'ivfflat', 'none')),
    detector_fingerprint text REFERENCES fingerprints,  -- of the last run that wrote; null before the first
    embedder_fingerprint text REFERENCES fingerprints,
    vectors_version      bigint NOT NULL DEFAULT 0,     -- raised by every transaction that changes this set's vectors
    added_at             timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX parameter_sets_one_default ON parameter_sets (is_default) WHERE is_default;

-- Work remembered by content: one row a photo and detector, also when no face was found.
CREATE TABLE detections (
    sha256               bytea NOT NULL,
    detector_fingerprint text NOT NULL REFERENCES fingerprints,
    seconds              real NOT NULL,
    problem              text,          -- the header was fine, the pixels were not
    detected_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sha256, detector_fingerprint)
);

CREATE TABLE detected_faces (
    sha256               bytea NOT NULL,
    detector_fingerprint text NOT NULL,
    face_key             uuid NOT NULL,  -- of photo, box and landmarks: the same in every set that finds the same face
    x integer NOT NULL, y integer NOT NULL,
    w integer NOT NULL CHECK (w > 0), h integer NOT NULL CHECK (h > 0),
    score                real NOT NULL,
    landmarks            real[],         -- x1, y1, x2, y2, ... in upright pixels
    thumbnail            bytea NOT NULL, -- JPEG
    PRIMARY KEY (sha256, detector_fingerprint, face_key),
    FOREIGN KEY (sha256, detector_fingerprint) REFERENCES detections ON DELETE CASCADE
);

-- A vector a face in each set's own partition, which checks its own dimension and is indexed over embedding::vector(d).
CREATE TABLE embeddings (
    parameter_set        text NOT NULL,
    sha256               bytea NOT NULL,
    face_key             uuid NOT NULL,
    detector_fingerprint text NOT NULL,
    embedder_fingerprint text NOT NULL,
    embedding            vector NOT NULL,
    PRIMARY KEY (face_key, parameter_set)
) PARTITION BY LIST (parameter_set);

-- Partitions (event day, parameter set) that were finished, with what they were made from.
CREATE TABLE set_days (
    parameter_set      text NOT NULL REFERENCES parameter_sets,
    event_day          text NOT NULL REFERENCES event_days,
    photos_version     text NOT NULL,
    faces_version      text NOT NULL,
    embeddings_version text NOT NULL,
    detector_fingerprint text NOT NULL REFERENCES fingerprints,
    embedder_fingerprint text NOT NULL REFERENCES fingerprints,
    finished_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (parameter_set, event_day)
);

-- The index that each set has, or null where exact search is faster.
CREATE TABLE index_builds (
    parameter_set      text PRIMARY KEY REFERENCES parameter_sets,
    method             text NOT NULL CHECK (method IN ('hnsw', 'ivfflat', 'none')),
    index_name         text,
    embeddings_version text NOT NULL,
    rows               bigint NOT NULL,
    recall             real,  -- at 10, measured against exact search
    seconds            real NOT NULL,
    built_at           timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE people (
    person       text PRIMARY KEY CHECK (person ~ '^[a-z0-9][a-z0-9._-]*$'),
    display_name text NOT NULL,
    added_at     timestamptz NOT NULL DEFAULT now()
);

-- Reference photos are kept whole, so that a new parameter set needs no file that may be gone by then.
CREATE TABLE reference_photos (
    person   text NOT NULL REFERENCES people ON DELETE CASCADE,
    sha256   bytea NOT NULL CHECK (length(sha256) = 32),
    filename text NOT NULL,
    source   text NOT NULL CHECK (source IN ('command', 'folder')),
    largest  boolean NOT NULL DEFAULT false,  -- of several faces, take the largest
    content  bytea NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, sha256)
);
ALTER TABLE reference_photos ALTER COLUMN content SET STORAGE EXTERNAL;  -- JPEG does not compress

CREATE TABLE reference_embeddings (
    parameter_set        text NOT NULL REFERENCES parameter_sets,
    person               text NOT NULL,
    sha256               bytea NOT NULL,
    largest              boolean NOT NULL,
    detector_fingerprint text NOT NULL,
    embedder_fingerprint text NOT NULL,
    found_by             text,      -- the detector part of a key: the set's own, or the one asked when that did not find one face
    x integer, y integer, w integer, h integer,
    thumbnail            bytea,
    embedding            vector,
    problem              text,      -- why this reference is left out
    PRIMARY KEY (parameter_set, person, sha256),
    FOREIGN KEY (person, sha256) REFERENCES reference_photos ON DELETE CASCADE,
    CHECK ((embedding IS NULL) = (problem IS NOT NULL))
);

-- What a person's results were made from; they are current while that is what is there.
CREATE TABLE searches (
    parameter_set      text NOT NULL REFERENCES parameter_sets,
    person             text NOT NULL REFERENCES people ON DELETE CASCADE,
    vectors_version    bigint NOT NULL,
    references_version text NOT NULL,
    searched_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (parameter_set, person)
);

CREATE TABLE search_results (
    parameter_set text NOT NULL,
    person        text NOT NULL,
    rank          integer NOT NULL,
    sha256        bytea NOT NULL,
    face_key      uuid NOT NULL,
    distance      double precision NOT NULL,
    PRIMARY KEY (parameter_set, person, rank),
    FOREIGN KEY (parameter_set, person) REFERENCES searches ON DELETE CASCADE
);

-- Every face of every set, with the photo files it is in.
CREATE VIEW faces AS
SELECT e.parameter_set, p.event_day, p.path, f.x, f.y, f.w, f.h, f.score, f.landmarks, p.taken_at, p.country, p.place,
       f.sha256, f.face_key, f.thumbnail, e.embedding
FROM embeddings e
JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
JOIN photos p USING (sha256);
