-- How many vectors were written or removed, ever and until each index was built: an index that lost many is built anew.
-- depends: 0001_schema

ALTER TABLE parameter_sets ADD COLUMN vectors_changed bigint NOT NULL DEFAULT 0;
ALTER TABLE index_builds ADD COLUMN vectors_changed bigint NOT NULL DEFAULT 0;
