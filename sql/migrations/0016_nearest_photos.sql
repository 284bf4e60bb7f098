-- The search as a function of the database: a person's photos, by the face nearest to any of their references.
-- depends: 0015_consent

-- Loads the library of pgvector: before, only superusers may set its parameters, as the function below does.
DO $$ BEGIN PERFORM '[1]'::vector; END $$;

CREATE FUNCTION nearest_photos(person text, parameter_set text DEFAULT NULL, n integer DEFAULT 10)
RETURNS TABLE (
    rank bigint, photo text, event_day text, distance double precision, taken_at timestamp, country text, place text,
    x integer, y integer, w integer, h integer, sha256 bytea
)
LANGUAGE plpgsql STABLE
-- As `facefind find` has them for its own query.
SET hnsw.iterative_scan = strict_order
SET hnsw.ef_search = 120
SET ivfflat.iterative_scan = relaxed_order
SET ivfflat.probes = 10
AS $function$
#variable_conflict use_column
DECLARE
    asked text;
    chosen parameter_sets;
    statement text;
    candidates bigint := 4 * n;
    certain bigint;
    faces bigint;
BEGIN
    SELECT p.person INTO asked FROM people p
    WHERE p.person = $1 OR lower(p.display_name) = lower($1) ORDER BY p.person <> $1 LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no person %: SELECT person, display_name FROM people shows who there is', $1;
    END IF;
    SELECT * INTO chosen FROM parameter_sets s
    WHERE CASE WHEN $2 IS NULL THEN s.is_default ELSE $2 IN (s.parameter_set, s.name) END;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no parameter set %: SELECT parameter_set, name FROM parameter_sets shows which there are',
            coalesce($2, 'is the default one');
    END IF;
    -- Up to the horizon nothing is missed: beyond, a reference may know a photo that was not among its candidates.
    statement := format(
        $query$
        WITH near AS MATERIALIZED (
            SELECT reference.sha256 AS reference, face.*
            FROM (
                SELECT sha256, embedding::vector(%1$s) AS embedding, embedder_fingerprint FROM reference_embeddings
                WHERE (parameter_set, person) = (%4$L, %5$L) AND embedding IS NOT NULL
            ) reference
            CROSS JOIN LATERAL (
                SELECT e.sha256, e.face_key, e.detector_fingerprint,
                       e.embedding::vector(%1$s) %2$s reference.embedding AS distance
                FROM %3$I e WHERE e.embedder_fingerprint = reference.embedder_fingerprint
                ORDER BY e.embedding::vector(%1$s) %2$s reference.embedding LIMIT $1
            ) face
        ),
        horizon AS (
            SELECT coalesce(min(last), 'infinity') AS distance
            FROM (SELECT max(distance) AS last FROM near GROUP BY reference HAVING count(*) = $1) lists
        )
        SELECT best.*, best.distance <= horizon.distance AS certain
        FROM (SELECT DISTINCT ON (sha256) * FROM near ORDER BY sha256, distance, face_key) best
        CROSS JOIN horizon
        WHERE EXISTS (SELECT FROM photos p WHERE p.sha256 = best.sha256)
          AND NOT EXISTS (SELECT FROM feedback f WHERE (f.person, f.sha256) = (%5$L, best.sha256) AND NOT f.shown)
        ORDER BY best.distance, best.sha256 LIMIT $2
        $query$,
        chosen.dimension,
        CASE chosen.metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' WHEN 'ip' THEN '<#>' ELSE '<+>' END,
        chosen.table_name, chosen.parameter_set, asked
    );
    LOOP
        EXECUTE format('SELECT count(*) FILTER (WHERE certain) FROM (%s) best', statement)
            INTO certain USING candidates, n;
        EXIT WHEN certain = n;
        IF faces IS NULL THEN
            EXECUTE format('SELECT count(*) FROM %I', chosen.table_name) INTO faces;
        END IF;
        EXIT WHEN candidates >= faces;
        candidates := 8 * candidates;
    END LOOP;
    RETURN QUERY EXECUTE format(
        $query$
        SELECT row_number() OVER (ORDER BY best.distance, best.sha256), p.path, p.event_day, best.distance,
               p.taken_at, p.country, p.place, f.x, f.y, f.w, f.h, best.sha256
        FROM (%s) best
        JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
        CROSS JOIN LATERAL (
            SELECT path, event_day, taken_at, country, place FROM photos
            WHERE photos.sha256 = best.sha256 ORDER BY event_day, path LIMIT 1
        ) p
        ORDER BY 1
        $query$,
        statement
    ) USING candidates, n;
END
$function$;
COMMENT ON FUNCTION nearest_photos IS
    'photos by the face nearest to any reference of a person (key or name); of the default set where none is given';
