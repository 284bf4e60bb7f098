-- Folders of event days that were taken out: they come back only when they are given by name.
-- depends: 0013_asking

CREATE TABLE forgotten_folders (
    path         text PRIMARY KEY,
    forgotten_at timestamptz NOT NULL DEFAULT now()
);
