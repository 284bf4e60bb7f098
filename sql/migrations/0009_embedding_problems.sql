-- Why the faces of a photo have no vectors of an embedder, so that the photo is told of and not tried for ever.
-- depends: 0008_table_names

CREATE TABLE embedding_problems (
    sha256               bytea NOT NULL,
    detector_fingerprint text NOT NULL,
    embedder_fingerprint text NOT NULL REFERENCES fingerprints,
    problem              text NOT NULL,
    PRIMARY KEY (sha256, detector_fingerprint, embedder_fingerprint),
    FOREIGN KEY (sha256, detector_fingerprint) REFERENCES detections ON DELETE CASCADE
);
COMMENT ON TABLE embedding_problems IS 'photos whose faces an embedder failed on';
COMMENT ON COLUMN detections.problem IS 'why the pixels could not be read, or how the detector failed';
