-- People who are renamed or merged take everything along; faces that people point at; pictures that make nobody again.
-- depends: 0011_names

ALTER TABLE reference_photos DROP CONSTRAINT reference_photos_person_fkey,
    ADD FOREIGN KEY (person) REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE reference_embeddings DROP CONSTRAINT reference_embeddings_person_sha256_fkey,
    ADD FOREIGN KEY (person, sha256) REFERENCES reference_photos ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE searches DROP CONSTRAINT searches_person_fkey,
    ADD FOREIGN KEY (person) REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE search_results DROP CONSTRAINT search_results_parameter_set_person_fkey,
    ADD FOREIGN KEY (parameter_set, person) REFERENCES searches ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE feedback DROP CONSTRAINT feedback_person_fkey,
    ADD FOREIGN KEY (person) REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE truth DROP CONSTRAINT truth_person_fkey,
    ADD FOREIGN KEY (person) REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE feedback
    ADD COLUMN by_hand boolean NOT NULL DEFAULT false,
    ADD COLUMN thumbnail bytea,
    ADD CHECK (by_hand = (thumbnail IS NOT NULL)),
    ADD CHECK (shown OR NOT by_hand);
COMMENT ON COLUMN feedback.by_hand IS 'the box was drawn where no detector found a face; it never joins a template';
COMMENT ON COLUMN feedback.thumbnail IS 'JPEG of a box drawn by hand';

-- What a box drawn by hand looks like to an embedder, or why that is not known.
CREATE TABLE by_hand_embeddings (
    person               text NOT NULL,
    sha256               bytea NOT NULL,
    embedder_fingerprint text NOT NULL REFERENCES fingerprints,
    embedding            vector,
    problem              text,
    PRIMARY KEY (person, sha256, embedder_fingerprint),
    FOREIGN KEY (person, sha256) REFERENCES feedback ON UPDATE CASCADE ON DELETE CASCADE,
    CHECK ((embedding IS NULL) = (problem IS NOT NULL))
);

-- Results of a box drawn by hand have no face that a detector found, and distances only where it could be embedded.
ALTER TABLE search_results
    ALTER COLUMN face_key DROP NOT NULL,
    ALTER COLUMN distance DROP NOT NULL,
    ALTER COLUMN score DROP NOT NULL,
    ALTER COLUMN plain_distance DROP NOT NULL;

-- Pictures of the references folder that were taken from a person, by content: still lying there, they are not read again.
CREATE TABLE dismissed_references (
    person text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (person, sha256)
);
-- Pictures that are added together are in the order in which they were given.
ALTER TABLE reference_photos ALTER COLUMN added_at SET DEFAULT clock_timestamp();
COMMENT ON TABLE dismissed_references IS 'pictures in the references folder that make nobody of this key again';
