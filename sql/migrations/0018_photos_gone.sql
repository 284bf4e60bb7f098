-- Contents whose row went from `photos`: what is known of those that are in no day goes when a partition is next filled.
-- Before, each fill looked for them among the vectors of all sets.
-- depends: 0016_nearest_photos

CREATE TABLE photos_gone (
    sha256 bytea PRIMARY KEY
);
COMMENT ON TABLE photos_gone IS 'contents of photos that went from a day, until a partition is next filled';

CREATE FUNCTION note_photos_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO photos_gone SELECT DISTINCT sha256 FROM gone WHERE sha256 IS NOT NULL ORDER BY sha256
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_photos_gone AFTER DELETE ON photos
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_photos_gone();

INSERT INTO photos_gone
SELECT sha256 FROM (SELECT sha256 FROM embeddings UNION SELECT sha256 FROM detections) known
WHERE NOT EXISTS (SELECT FROM photos WHERE photos.sha256 = known.sha256);
