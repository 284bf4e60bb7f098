-- What the bodies below faces look like: within one event day people wear the same clothes.
-- Known by face key, as vectors are, but not per set: another detector, embedder or set changes nothing of it.
-- depends: 0020_nearest_reference_cut

CREATE TABLE clothes (
    face_key    uuid PRIMARY KEY,
    sha256      bytea NOT NULL,
    fingerprint text NOT NULL,
    descriptor  bytea
);
CREATE INDEX clothes_sha256 ON clothes (sha256);
COMMENT ON TABLE clothes IS 'colours of the body below each face; a row for every face that was looked at';
COMMENT ON COLUMN clothes.face_key IS 'hash of photo, box and landmarks: the same in every set that finds the same face';
COMMENT ON COLUMN clothes.sha256 IS 'of the photo''s content';
COMMENT ON COLUMN clothes.fingerprint IS 'hash of the rules and the library version; descriptors of different fingerprints are never compared';
COMMENT ON COLUMN clothes.descriptor IS 'square-rooted histogram, a byte per bin: the cosine of two is their similarity; null where no body is visible below the face';

ALTER TABLE set_days ADD COLUMN clothes_fingerprint text;
COMMENT ON COLUMN set_days.clothes_fingerprint IS 'of the rules by which the clothes of all the day''s faces were described; null before there were any';
COMMENT ON TABLE set_days IS 'which detector, embedder and rules for clothes made what is known of a day''s faces: where they are others now, the day is stale';
