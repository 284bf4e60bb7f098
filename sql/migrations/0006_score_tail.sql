-- How many faces each person was compared with: up to where a match is likely depends on it.
-- depends: 0005_embeddings_by_photo

DELETE FROM calibrations;  -- results of the former rules; they are made again with the next search
DELETE FROM searches;
ALTER TABLE calibrations ADD COLUMN faces bigint NOT NULL;
