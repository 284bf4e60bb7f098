-- How the roles are made and get their rights, and how a guest's PIN is compared.
-- depends: 0032_roles

-- A try is counted before it is compared; of tries at once each waits for the one before it. How many there may be is said
-- here and not by who asks; `MOST_WRONG_PINS` in store/guest_links.py is the same number.
DROP FUNCTION IF EXISTS results.is_right_pin(integer, bytea, integer);
CREATE OR REPLACE FUNCTION results.is_right_pin(link integer, pin_hash bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $function$
DECLARE
    expected bytea;
BEGIN
    UPDATE guest_links g SET wrong_pins = wrong_pins + 1
    WHERE g.link = $1 AND g.wrong_pins < 10 AND g.closed_at IS NULL AND g.expires_at > clock_timestamp()
    RETURNING g.pin_hash INTO expected;
    IF expected IS NULL OR expected <> $2 THEN
        RETURN false;
    END IF;
    UPDATE guest_links g SET wrong_pins = 0 WHERE g.link = $1;
    RETURN true;
END
$function$;
COMMENT ON FUNCTION results.is_right_pin IS 'whether a guest''s PIN, hashed, is the link''s; a wrong one is counted';

-- Makes the roles and gives them their rights; facefind calls it after migrations and after a restore, and so may you.
CREATE OR REPLACE FUNCTION set_up_roles() RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
    name text;
    thing record;
BEGIN
    FOREACH name IN ARRAY ARRAY['facefind_owner', 'facefind_pipeline', 'facefind_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of the server was faster
            END;
        END IF;
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
           AND NOT pg_has_role(current_user, name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO %I', name, current_user);
        END IF;
    END LOOP;

    -- Roles are of the whole server: what is another's there has nothing to look for in this database.
    IF pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') THEN
        EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database());
        EXECUTE format(
            'GRANT CONNECT ON DATABASE %I TO facefind_owner, facefind_pipeline, facefind_reader, %I',
            current_database(), session_user
        );
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    END IF;

    -- Whose rights views and functions of `results` work with: it reads, and counts wrong PINs.
    GRANT USAGE ON SCHEMA public TO facefind_owner, facefind_pipeline, facefind_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO facefind_owner;
    GRANT UPDATE ON guest_links TO facefind_owner;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO facefind_owner;
    GRANT CREATE, USAGE ON SCHEMA results TO facefind_owner;
    FOR thing IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'results'::regnamespace AND c.relkind = 'v' LOOP
        EXECUTE format('ALTER VIEW results.%I OWNER TO facefind_owner', thing.relname);
    END LOOP;
    FOR thing IN SELECT p.oid::regprocedure AS signature FROM pg_proc p WHERE p.pronamespace = 'results'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO facefind_owner', thing.signature);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', thing.signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO facefind_pipeline, facefind_reader', thing.signature);
    END LOOP;

    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO facefind_pipeline;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO facefind_pipeline;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO facefind_pipeline;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO facefind_pipeline;

    GRANT USAGE ON SCHEMA results TO facefind_pipeline, facefind_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA results TO facefind_reader;
    GRANT SELECT ON
        photo_roots, event_days, photos, parameter_sets, calibrations, made, set_days, clothes_days, people, consents,
        searches, search_results, detections, fingerprints
    TO facefind_reader;
    REVOKE EXECUTE ON FUNCTION set_up_roles() FROM PUBLIC;
END
$function$;
COMMENT ON FUNCTION set_up_roles IS 'makes facefind_owner, facefind_pipeline and facefind_reader, and gives them their rights';
