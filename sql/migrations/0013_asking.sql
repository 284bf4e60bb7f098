-- What distances to the nearest reference mean, beside what scores mean: the live query shows those.
-- depends: 0012_people

ALTER TABLE calibrations
    ADD COLUMN measure text NOT NULL DEFAULT 'score' CHECK (measure IN ('score', 'nearest_reference')),
    DROP CONSTRAINT calibrations_pkey,
    ADD PRIMARY KEY (parameter_set, measure);
COMMENT ON COLUMN calibrations.measure IS 'of stored results their score, of the live query the distance to the nearest reference';
