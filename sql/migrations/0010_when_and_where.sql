-- Where a date and a position come from, clocks that were wrong, photos that are used though damaged.
-- depends: 0009_embedding_problems

ALTER TABLE photos
    ADD COLUMN taken_source text,
    ADD COLUMN camera_time timestamp,
    ADD COLUMN position_source text,
    ADD COLUMN note text,
    ADD COLUMN sidecars text;
COMMENT ON COLUMN photos.taken_at IS 'local time: the camera''s, moved by what `facefind photos shift` was told of its clock';
COMMENT ON COLUMN photos.taken_source IS 'source of the time: EXIF, XMP, XMP sidecar, IPTC, PNG, Takeout, file name';
COMMENT ON COLUMN photos.camera_time IS 'the time that the source gives, before any shift';
COMMENT ON COLUMN photos.position_source IS 'source of latitude and longitude: EXIF, XMP, XMP sidecar, Takeout';
COMMENT ON COLUMN photos.note IS 'what is wrong with a photo that is used nevertheless';
COMMENT ON COLUMN photos.sidecars IS 'hash of names, sizes and times of the files beside the photo that tell of it';

UPDATE photos SET camera_time = taken_at, taken_source = 'EXIF' WHERE taken_at IS NOT NULL;
UPDATE photos SET position_source = 'EXIF' WHERE latitude IS NOT NULL;

-- How far the clock of a camera was off, for one event day or, with an empty one, for all that have none of their own.
CREATE TABLE clock_shifts (
    camera    text NOT NULL,
    event_day text NOT NULL DEFAULT '',
    shift     interval NOT NULL,
    PRIMARY KEY (camera, event_day)
);
COMMENT ON COLUMN clock_shifts.shift IS 'added to the camera''s time';

-- Read again with the next look at the folder: files without a date may tell one elsewhere, others are readable by now.
-- Photos whose pixels were refused are detected again only when asked, by `facefind ingest --rehash`.
UPDATE photos SET mtime_ns = 0 WHERE taken_at IS NULL OR problem IS NOT NULL;
