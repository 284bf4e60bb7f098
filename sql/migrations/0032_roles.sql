-- Roles: who migrates owns the tables, `facefind_pipeline` writes, `facefind_reader` sees results without vectors, crops
-- or references. Of tables that have these a reader sees views in the schema `results`, which have the tables' own names
-- and come first in its search_path; `set_up_roles`, of the next migration, names those that it sees as they are.
-- docs/database.md has a table.
-- depends: 0031_column_comments

-- Loads the library of pgvector: before, only superusers may set its parameters, as the functions below do.
DO $$ BEGIN PERFORM '[1]'::vector; END $$;

-- What results were made from is told by hashes of vectors, which a reader may see, and not by the vectors.
ALTER TABLE reference_embeddings ADD COLUMN embedding_md5 text GENERATED ALWAYS AS (md5(vector_send(embedding))) STORED;
ALTER TABLE by_hand_embeddings ADD COLUMN embedding_md5 text GENERATED ALWAYS AS (md5(vector_send(embedding))) STORED;
COMMENT ON COLUMN reference_embeddings.embedding_md5 IS 'tells whether it is the vector that it was';
COMMENT ON COLUMN by_hand_embeddings.embedding_md5 IS 'tells whether it is the vector that it was';

CREATE SCHEMA IF NOT EXISTS results;
COMMENT ON SCHEMA results IS 'what readers see: no vector, no crop of a face, no reference photo';

CREATE OR REPLACE VIEW results.detected_faces AS
SELECT sha256, detector_fingerprint, face_key, x, y, w, h, score, NULL::real[] AS landmarks, NULL::bytea AS thumbnail
FROM public.detected_faces;
CREATE OR REPLACE VIEW results.embeddings AS
SELECT parameter_set, sha256, face_key, detector_fingerprint, embedder_fingerprint FROM public.embeddings;
CREATE OR REPLACE VIEW results.reference_embeddings AS
SELECT parameter_set, person, sha256, embedder_fingerprint, problem, embedding_md5 FROM public.reference_embeddings;
CREATE OR REPLACE VIEW results.by_hand_embeddings AS
SELECT person, sha256, embedder_fingerprint, embedding_md5 FROM public.by_hand_embeddings;
CREATE OR REPLACE VIEW results.feedback AS
SELECT person, sha256, shown, x, y, w, h, by_hand, NULL::bytea AS thumbnail FROM public.feedback;
CREATE OR REPLACE VIEW results.guest_links AS
SELECT link, person, token_hash, pin_salt, wrong_pins, made_by, made_at, expires_at, closed_at FROM public.guest_links;

-- The faces nearest to probes, as find.sql asks for them: of vectors that are given, or of a person's references where
-- there are none. What was confirmed of a person is among them, however far. No more than 20,000 for each probe.
CREATE OR REPLACE FUNCTION results.nearest_faces(
    parameter_set text, person text, vectors text[], embedders text[], n integer, exactly boolean
) RETURNS TABLE (
    number bigint, sha256 bytea, face_key uuid, detector_fingerprint text, distance double precision
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp
SET hnsw.iterative_scan = strict_order
SET hnsw.ef_search = 120
SET ivfflat.iterative_scan = relaxed_order
SET ivfflat.probes = 10
AS $function$
#variable_conflict use_column
DECLARE
    chosen parameter_sets;
BEGIN
    IF n NOT BETWEEN 1 AND 20000 THEN
        RAISE EXCEPTION 'n is %: 1 to 20000 faces can be asked for', n;
    END IF;
    SELECT * INTO STRICT chosen FROM parameter_sets s WHERE s.parameter_set = $1;
    RETURN QUERY EXECUTE format(
        $query$
        WITH probes AS MATERIALIZED (
            SELECT number, vector::vector(%1$s) AS embedding, embedder
            FROM unnest($1, $2) WITH ORDINALITY AS probe (vector, embedder, number)
            UNION ALL
            SELECT row_number() OVER (ORDER BY sha256), embedding::vector(%1$s), embedder_fingerprint
            FROM reference_embeddings
            WHERE $1 IS NULL AND (parameter_set, person) = (%4$L, $3) AND embedding IS NOT NULL
        )
        SELECT probes.number, face.sha256, face.face_key, face.detector_fingerprint, face.distance
        FROM probes
        CROSS JOIN LATERAL (
            SELECT e.sha256, e.face_key, e.detector_fingerprint,
                   e.embedding::vector(%1$s) %2$s probes.embedding AS distance
            FROM %3$I e WHERE e.embedder_fingerprint = probes.embedder
            ORDER BY (e.embedding::%5$s(%1$s) %2$s probes.embedding::%5$s(%1$s)) %6$s LIMIT $4
        ) face
        UNION ALL
        SELECT NULL, e.sha256, e.face_key, e.detector_fingerprint,
               min(e.embedding::vector(%1$s) %2$s probes.embedding)
        FROM feedback said
        JOIN %3$I e ON e.sha256 = said.sha256
        JOIN probes ON probes.embedder = e.embedder_fingerprint
        WHERE said.person = $3 AND said.shown AND NOT said.by_hand
        GROUP BY e.sha256, e.face_key, e.detector_fingerprint
        UNION ALL
        SELECT NULL, said.sha256, NULL, NULL, NULL FROM feedback said WHERE said.person = $3 AND said.by_hand
        $query$,
        chosen.dimension,
        CASE chosen.metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' WHEN 'ip' THEN '<#>' ELSE '<+>' END,
        chosen.table_name, chosen.parameter_set,
        CASE WHEN exactly THEN 'vector' ELSE indexed_floats(chosen.table_name) END,
        CASE WHEN exactly THEN '+ 0' ELSE '' END
    ) USING vectors, embedders, person, n;
END
$function$;
COMMENT ON FUNCTION results.nearest_faces IS 'faces nearest to vectors, or to a person''s references; at most 20,000 each';

CREATE OR REPLACE FUNCTION results.nearest_photos(person text, parameter_set text DEFAULT NULL, n integer DEFAULT 10)
RETURNS TABLE (
    rank bigint, photo text, event_day text, distance double precision, taken_at timestamp, country text, place text,
    x integer, y integer, w integer, h integer, sha256 bytea
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp
AS $function$
BEGIN
    IF n NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'n is %: 1 to 1000 photos can be asked for', n;
    END IF;
    RETURN QUERY SELECT * FROM public.nearest_photos($1, $2, $3);
END
$function$;
COMMENT ON FUNCTION results.nearest_photos IS 'the photos nearest to a person''s references, at most 1,000';
