-- Tables of sets whose key has two separators in a row get a hash: `arcface-moa_b` and `arcface-moa__b` shared one name.
-- depends: 0007_short_keys

DO $$
DECLARE
    renamed record;
BEGIN
    FOR renamed IN
        SELECT parameter_set, table_name, left(table_name, 52) || '_' || left(digest, 10) AS name
        FROM parameter_sets, LATERAL (SELECT encode(sha256(convert_to(parameter_set, 'UTF8')), 'hex') AS digest) hashed
        WHERE parameter_set ~ '[^a-z0-9]{2}' AND table_name <> left(table_name, 52) || '_' || left(digest, 10)
    LOOP
        EXECUTE format('ALTER TABLE %I RENAME TO %I', renamed.table_name, renamed.name);
        UPDATE parameter_sets SET table_name = renamed.name WHERE parameter_set = renamed.parameter_set;
    END LOOP;
END
$$;
