-- Sharper rankings and what calibrates them; truth lists, feedback, evaluations; sharpness of faces.
-- depends: 0003_comments

ALTER TABLE detected_faces ADD COLUMN sharpness real;  -- of the thumbnail; null where found before this column was

-- `distance` is the typical one to the person's references and sure photos; `score`, by which photos are ranked, adds
-- to it where the face is nearer to a rival, another person. `plain_distance` is that of the photo's face nearest to
-- any reference, and nothing else.
ALTER TABLE search_results
    ADD COLUMN score double precision NOT NULL DEFAULT 0,
    ADD COLUMN plain_distance double precision NOT NULL DEFAULT 0,
    ADD COLUMN rival text,
    ADD COLUMN rival_distance double precision,
    ADD COLUMN confirmed boolean NOT NULL DEFAULT false;
DELETE FROM searches;  -- results of the former rules; they are made again when next asked for
ALTER TABLE searches ADD COLUMN sure_photos integer NOT NULL DEFAULT 0;  -- that a person's template was made of

-- What distances mean under a set, learnt from its faces without labels; logarithms of distances are normal.
CREATE TABLE calibrations (
    parameter_set     text PRIMARY KEY REFERENCES parameter_sets,
    pairs             integer NOT NULL,           -- of faces in one photo; 0: assumed for the embedder
    tail_location     double precision NOT NULL,  -- of the impostors' near tail, for thresholds at a rate
    tail_spread       double precision NOT NULL,
    impostor_location double precision NOT NULL,  -- of scores
    impostor_spread   double precision NOT NULL,
    genuine_location  double precision NOT NULL,
    genuine_spread    double precision NOT NULL,
    prevalence        double precision NOT NULL CHECK (prevalence > 0 AND prevalence < 1),
    calibrated_at     timestamptz NOT NULL DEFAULT now()
);

-- What people said of single photos; by content, so that it holds in every set and after a rerun.
CREATE TABLE feedback (
    person   text NOT NULL REFERENCES people ON DELETE CASCADE,
    sha256   bytea NOT NULL CHECK (length(sha256) = 32),
    shown    boolean NOT NULL,  -- whether the photo shows the person
    x integer, y integer, w integer, h integer,  -- the face that was confirmed, in upright pixels
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, sha256),
    CHECK (shown = (x IS NOT NULL))
);

-- Lists made by hand of the photos that show a person.
CREATE TABLE truth_lists (
    source   text PRIMARY KEY,  -- the file's name
    content  text NOT NULL,     -- hash of its rows and days
    days     text[],            -- event days it covers; null is all
    added_by text NOT NULL CHECK (added_by IN ('command', 'folder')),
    added_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE truth (
    person text NOT NULL REFERENCES people ON DELETE CASCADE,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    source text NOT NULL REFERENCES truth_lists ON DELETE CASCADE,
    x integer, y integer, w integer, h integer,  -- the person's face, where the list gives it
    note   text,
    PRIMARY KEY (person, sha256)
);

-- The measures and losses of every person under a set; `version` says what they were made from.
CREATE TABLE evaluations (
    parameter_set text PRIMARY KEY REFERENCES parameter_sets,
    version       text NOT NULL,
    evaluation    jsonb NOT NULL,
    evaluated_at  timestamptz NOT NULL DEFAULT now()
);
