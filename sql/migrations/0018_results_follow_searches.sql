-- Results go with their search, and are renamed with it, by a trigger on searches instead of a foreign key: PostgreSQL
-- checks such a key row by row, 2.5 s for the 500,000 results of 500 people that are otherwise written in one.
-- depends: 0017_photos_gone

ALTER TABLE search_results DROP CONSTRAINT search_results_parameter_set_person_fkey;

CREATE FUNCTION results_follow_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM search_results WHERE (parameter_set, person) = (OLD.parameter_set, OLD.person);
    ELSE
        UPDATE search_results SET person = NEW.person WHERE (parameter_set, person) = (OLD.parameter_set, OLD.person);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER results_follow_search AFTER DELETE OR UPDATE OF person ON searches
FOR EACH ROW EXECUTE FUNCTION results_follow_search();
