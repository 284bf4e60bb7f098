-- Results by the number of their search, and a view with the names. A search of later has a higher number, so its rows
-- come at the end of the index, without a look at those they replace: 500,000 are written in half the time.
-- depends: 0025_clothes_days

ALTER TABLE searches ADD COLUMN search bigint GENERATED ALWAYS AS IDENTITY UNIQUE;
COMMENT ON COLUMN searches.search IS 'number of this person''s rows in ranked_photos';

CREATE TABLE ranked_photos (
    search                 bigint NOT NULL,
    score                  double precision,
    distance               double precision,
    plain_distance         double precision,
    rival                  bigint,
    rival_distance         double precision,
    clothes                double precision,
    face_score             double precision,
    by_face_distance       double precision,
    by_face_rival          bigint,
    by_face_rival_distance double precision,
    rank                   integer NOT NULL,
    face_rank              integer,
    clothes_photos         integer,
    confirmed              boolean NOT NULL,
    face_key               uuid,
    by_face_key            uuid,
    sha256                 bytea NOT NULL,
    PRIMARY KEY (search, rank)
);
COMMENT ON TABLE ranked_photos IS 'the best photos of each search, by its number; search_results has them with names';

INSERT INTO ranked_photos (search, score, distance, plain_distance, rival, rival_distance, clothes, face_score,
                           by_face_distance, by_face_rival, by_face_rival_distance, rank, face_rank, clothes_photos,
                           confirmed, face_key, by_face_key, sha256)
SELECT s.search, r.score, r.distance, r.plain_distance, rival.search, r.rival_distance, r.clothes,
       nullif(r.face_score, r.score), r.by_face_distance, by_face_rival.search, r.by_face_rival_distance, r.rank,
       nullif(r.face_rank, r.rank), r.clothes_photos, r.confirmed, r.face_key, r.by_face_key, r.sha256
FROM search_results r
JOIN searches s USING (parameter_set, person)
LEFT JOIN searches rival ON (rival.parameter_set, rival.person) = (r.parameter_set, r.rival)
LEFT JOIN searches by_face_rival ON (by_face_rival.parameter_set, by_face_rival.person) = (r.parameter_set, r.by_face_rival)
ORDER BY s.search, r.rank;
DROP TABLE search_results;

CREATE VIEW search_results AS
SELECT s.parameter_set, s.person, r.rank, r.sha256, r.face_key, r.distance, r.score, r.plain_distance,
       rival.person AS rival, r.rival_distance, r.confirmed,
       coalesce(r.face_rank, r.rank) AS face_rank, coalesce(r.face_score, r.score) AS face_score,
       r.clothes, r.clothes_photos,
       r.by_face_key, r.by_face_distance, by_face_rival.person AS by_face_rival, r.by_face_rival_distance
FROM searches s
JOIN ranked_photos r USING (search)
LEFT JOIN searches rival ON rival.search = r.rival
LEFT JOIN searches by_face_rival ON by_face_rival.search = r.by_face_rival;
COMMENT ON VIEW search_results IS 'the best photos of every person under a set';
COMMENT ON COLUMN search_results.rank IS 'by what was confirmed, then by score';
COMMENT ON COLUMN search_results.distance IS 'of the nearest face, in the embedder''s own metric';
COMMENT ON COLUMN search_results.score IS 'the face''s, moved by its clothes';
COMMENT ON COLUMN search_results.plain_distance IS 'of the photo''s face nearest to any reference';
COMMENT ON COLUMN search_results.rival IS 'another person to whom the face is nearest';
COMMENT ON COLUMN search_results.face_rank IS 'what the rank is without clothes';
COMMENT ON COLUMN search_results.face_score IS 'what the score is without clothes: of the photo''s best face by the face alone; the calibration holds for both';
COMMENT ON COLUMN search_results.clothes IS 'what clothes add to the log odds that the face is the person''s; null where nothing is known of them';
COMMENT ON COLUMN search_results.clothes_photos IS 'other photos of the same event day, sure by the face alone or confirmed, that the clothes were compared with';
COMMENT ON COLUMN search_results.by_face_key IS 'the photo''s best face by the face alone, where clothes choose another; the next columns are of it';

DROP FUNCTION results_follow_search CASCADE;
CREATE FUNCTION results_follow_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM ranked_photos r USING gone WHERE r.search = gone.search;
    RETURN NULL;
END
$$;
CREATE TRIGGER results_follow_search AFTER DELETE ON searches
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION results_follow_search();
