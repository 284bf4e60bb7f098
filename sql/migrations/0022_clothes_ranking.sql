-- What clothes add to a photo's score, and its place by the face alone; what clothes tell on each event day.
-- depends: 0021_clothes

ALTER TABLE search_results
    ADD COLUMN face_rank integer,
    ADD COLUMN face_score double precision,
    ADD COLUMN clothes double precision,
    ADD COLUMN clothes_photos integer,
    ADD COLUMN by_face_key uuid,
    ADD COLUMN by_face_distance double precision,
    ADD COLUMN by_face_rival text,
    ADD COLUMN by_face_rival_distance double precision;
UPDATE search_results SET face_rank = rank, face_score = score;
ALTER TABLE search_results ALTER COLUMN face_rank SET NOT NULL;
COMMENT ON COLUMN search_results.rank IS 'by what was confirmed, then by score';
COMMENT ON COLUMN search_results.score IS 'the face''s, moved by its clothes';
COMMENT ON COLUMN search_results.face_rank IS 'what the rank is without clothes';
COMMENT ON COLUMN search_results.face_score IS 'what the score is without clothes: of the photo''s best face by the face alone; the calibration holds for both';
COMMENT ON COLUMN search_results.clothes IS 'what clothes add to the log odds that the face is the person''s; null where nothing is known of them';
COMMENT ON COLUMN search_results.clothes_photos IS 'other photos of the same event day, sure by the face alone or confirmed, that the clothes were compared with';
COMMENT ON COLUMN search_results.by_face_key IS 'the photo''s best face by the face alone, where clothes choose another; the next columns are of it';

CREATE TABLE clothes_days (
    parameter_set text NOT NULL REFERENCES parameter_sets ON DELETE CASCADE,
    event_day     text NOT NULL REFERENCES event_days ON DELETE CASCADE,
    people        integer NOT NULL,
    same          integer NOT NULL,
    others        integer NOT NULL,
    separation    double precision NOT NULL,
    PRIMARY KEY (parameter_set, event_day)
);
COMMENT ON TABLE clothes_days IS 'how much clothes told on each event day when a set''s results were made';
COMMENT ON COLUMN clothes_days.people IS 'whose clothes are known from at least one photo';
COMMENT ON COLUMN clothes_days.same IS 'faces compared with the clothes of the same person in other photos';
COMMENT ON COLUMN clothes_days.others IS 'faces of other people, in photos of the person, compared likewise';
COMMENT ON COLUMN clothes_days.separation IS 'how far both kinds of comparison lie apart for certain, in standard deviations; 0: clothes tell nothing and do not count';
