-- From what each partition of each asset was made, in one table: what is due follows from it, and from it alone.
-- depends: 0018_results_follow_searches

CREATE TABLE made (
    asset        text NOT NULL,
    partition    text NOT NULL,
    made_from    text NOT NULL,
    data_version text NOT NULL,
    complete     boolean NOT NULL DEFAULT true,
    made_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (asset, partition)
);
COMMENT ON COLUMN made.partition IS 'as in Dagster: a day, a set, day|set; empty for an asset without partitions';
COMMENT ON COLUMN made.made_from IS 'versions of all it follows from; where the recipe gives another now, the partition is due';
COMMENT ON COLUMN made.data_version IS 'of what was made; what follows from it is made from this';
COMMENT ON COLUMN made.complete IS 'false where something was left out that another try may bring';

-- SHA-256 of lines of JSON arrays, cut to 32 digits: as `versions.hash_rows` makes it, so that both give one version.
CREATE FUNCTION version_of(lines text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT left(encode(sha256(convert_to(coalesce(lines, ''), 'UTF8')), 'hex'), 32) $$;

-- What a home has stays current. A statement per asset, from the photos down.
INSERT INTO made (asset, partition, made_from, data_version)
SELECT 'raw_photos', event_day, version, version
FROM (
    SELECT event_day, version_of(string_agg(
        json_build_array(path, coalesce(encode(sha256, 'hex'), ''), coalesce(problem, '')) || E'\n', ''
        ORDER BY path COLLATE "C")) AS version
    FROM photos GROUP BY event_day
) day;

INSERT INTO made (asset, partition, made_from, data_version, complete, made_at)
SELECT asset, event_day || '|' || parameter_set, photos_version || before, version, complete, finished_at
FROM (
    SELECT *, photos_version <> 'incomplete' AND NOT EXISTS (
        SELECT FROM photos p
        WHERE p.event_day = d.event_day AND p.problem IS NULL AND NOT EXISTS (
            SELECT FROM detections found
            WHERE (found.sha256, found.detector_fingerprint) = (p.sha256, d.detector_fingerprint)
        )
    ) AS complete
    FROM set_days d
) day
CROSS JOIN LATERAL (
    VALUES ('detected_faces', '', faces_version), ('face_embeddings', ' ' || faces_version, embeddings_version)
) output (asset, before, version);

-- `auto` was what chose the method that it would choose for the rows of that time.
INSERT INTO made (asset, partition, made_from, data_version, made_at)
SELECT 'hnsw_index', parameter_set,
       concat_ws(' ', embeddings_version,
                 CASE WHEN index_method = 'auto' AND method = CASE WHEN rows < 10000 THEN 'none' ELSE 'hnsw' END
                      THEN 'auto' ELSE method END, index_name),
       version_of(json_build_array(embeddings_version, method, 16, 100) || E'\n'), built_at
FROM index_builds JOIN parameter_sets USING (parameter_set);

INSERT INTO made (asset, partition, made_from, data_version)
SELECT 'reference_photos', '', version, version
FROM (
    SELECT version_of(string_agg(
        json_build_array(person, display_name, encode(sha256, 'hex'), largest) || E'\n', ''
        ORDER BY person, encode(sha256, 'hex'))) AS version
    FROM people LEFT JOIN reference_photos USING (person)
) rows
WHERE EXISTS (SELECT FROM people);

INSERT INTO made (asset, partition, made_from, data_version)
SELECT 'reference_embeddings', parameter_set,
       concat_ws(' ', (SELECT data_version FROM made WHERE asset = 'reference_photos'), boxes.version),
       version_of((
           SELECT string_agg(
               json_build_array(person, encode(sha256, 'hex'), largest, e.detector_fingerprint, e.embedder_fingerprint,
                                problem) || E'\n', '' ORDER BY person, encode(sha256, 'hex'))
           FROM reference_embeddings e WHERE e.parameter_set = s.parameter_set
       ))
FROM parameter_sets s
CROSS JOIN (
    SELECT version_of(string_agg(concat_ws(' ', person, sha256, x, y, w, h), E'\n' ORDER BY person, sha256)) AS version
    FROM feedback said
    WHERE by_hand AND EXISTS (
        SELECT FROM photos p JOIN event_days USING (event_day) WHERE p.sha256 = said.sha256 AND available
    )
) boxes
WHERE NOT EXISTS (
    SELECT FROM reference_photos r WHERE NOT EXISTS (
        SELECT FROM reference_embeddings e
        WHERE (e.parameter_set, e.person, e.sha256, e.largest) = (s.parameter_set, r.person, r.sha256, r.largest)
    )
) AND NOT EXISTS (
    SELECT FROM feedback said
    WHERE by_hand AND EXISTS (
        SELECT FROM photos p JOIN event_days USING (event_day) WHERE p.sha256 = said.sha256 AND available
    ) AND NOT EXISTS (
        SELECT FROM by_hand_embeddings e
        WHERE (e.person, e.sha256, e.embedder_fingerprint) = (said.person, said.sha256, s.embedder_fingerprint)
    )
);

-- Results are current if everybody with a reference was searched among the present vectors, by what is known of people.
CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
WITH usable AS (
    SELECT parameter_set, person, sha256, md5(embedding::text) || embedder_fingerprint AS version
    FROM reference_embeddings WHERE embedding IS NOT NULL
)
SELECT DISTINCT parameter_set, person, md5('templates-2'
    || (SELECT string_agg(concat_ws(' ', person, sha256, version), ',' ORDER BY person, sha256)
        FROM usable u WHERE u.parameter_set = usable.parameter_set)
    || (SELECT coalesce(string_agg(concat_ws(' ', said.person, said.sha256, shown, x, y, w, h,
                                             CASE WHEN by_hand THEN 'by hand' END, md5(e.embedding::text)),
                                   ',' ORDER BY said.person, said.sha256), '')
        FROM feedback said
        LEFT JOIN by_hand_embeddings e ON (e.person, e.sha256) = (said.person, said.sha256) AND e.embedder_fingerprint
            = (SELECT embedder_fingerprint FROM parameter_sets s WHERE s.parameter_set = usable.parameter_set)
       )) AS references_version
FROM usable;

INSERT INTO made (asset, partition, made_from, data_version)
SELECT 'search_results', parameter_set,
       concat_ws(' ', 'templates-2', s.vectors_version, coalesce(index.data_version, '-'), coalesce(refs.version, '-'),
                 coalesce(said.version, '-')),
       version_of(
           json_build_array('templates-2', version_of((
               SELECT string_agg(json_build_array(event_day, embeddings_version) || E'\n', '' ORDER BY event_day)
               FROM set_days d WHERE d.parameter_set = s.parameter_set
           ))) || E'\n' || coalesce((
               SELECT string_agg(json_build_array(person, references_version) || E'\n', '' ORDER BY person COLLATE "C")
               FROM wanted w WHERE w.parameter_set = s.parameter_set
           ), '')
       )
FROM parameter_sets s
LEFT JOIN made index ON (index.asset, index.partition) = ('hnsw_index', parameter_set)
LEFT JOIN LATERAL (
    SELECT version_of(string_agg(concat_ws(' ', person, sha256, embedder_fingerprint, md5(vector_send(embedding))),
                                 E'\n' ORDER BY person, sha256)) AS version
    FROM reference_embeddings e WHERE e.parameter_set = s.parameter_set AND embedding IS NOT NULL
    HAVING count(*) > 0
) refs ON true
LEFT JOIN LATERAL (
    SELECT version_of(string_agg(concat_ws(' ', said.person, said.sha256, shown, x, y, w, h, by_hand,
                                           md5(vector_send(e.embedding))), E'\n' ORDER BY said.person, said.sha256)) AS version
    FROM feedback said
    LEFT JOIN by_hand_embeddings e ON (e.person, e.sha256, e.embedder_fingerprint)
        = (said.person, said.sha256, s.embedder_fingerprint)
    HAVING count(*) > 0
) said ON true
WHERE EXISTS (SELECT FROM index_builds b WHERE b.parameter_set = s.parameter_set) AND NOT EXISTS (
    SELECT FROM wanted w WHERE w.parameter_set = s.parameter_set AND NOT EXISTS (
        SELECT FROM searches made_for
        WHERE (made_for.parameter_set, made_for.person, made_for.vectors_version, made_for.references_version)
            = (s.parameter_set, w.person, s.vectors_version, w.references_version)
    )
);

INSERT INTO made (asset, partition, made_from, data_version)
SELECT 'truth_lists', '', version, version
FROM (
    SELECT version_of(string_agg(json_build_array(source, content) || E'\n', '' ORDER BY source)) AS version
    FROM truth_lists
) rows
WHERE EXISTS (SELECT FROM truth_lists);

-- Figures of other results or other truth keep their version and are due.
INSERT INTO made (asset, partition, made_from, data_version, made_at)
SELECT 'evaluation', parameter_set,
       CASE WHEN e.version = version_of(json_build_array(2, truth.version, results.data_version) || E'\n' || coalesce((
           SELECT string_agg(json_build_array(person, vectors_version, references_version) || E'\n', '' ORDER BY person)
           FROM searches made_for WHERE made_for.parameter_set = e.parameter_set
       ), '')) THEN concat_ws(' ', 2, truth.version, results.data_version) ELSE '' END,
       e.version, evaluated_at
FROM evaluations e
CROSS JOIN (
    SELECT version_of(string_agg(json_build_array(source, content) || E'\n', '' ORDER BY source)) AS version
    FROM truth_lists
) truth
LEFT JOIN made results ON (results.asset, results.partition) = ('search_results', parameter_set);

INSERT INTO made (asset, partition, made_from, data_version)
SELECT 'sweep_report', '',
       version_of(string_agg(concat_ws(' ', parameter_set, version), E'\n' ORDER BY parameter_set)),
       version_of(string_agg(json_build_array(parameter_set, version) || E'\n', '' ORDER BY parameter_set COLLATE "C")
                  FILTER (WHERE jsonb_array_length(evaluation -> 'people') > 0))
FROM evaluations HAVING count(*) > 0;

ALTER TABLE set_days DROP COLUMN photos_version, DROP COLUMN faces_version, DROP COLUMN embeddings_version,
    DROP COLUMN finished_at;
ALTER TABLE searches DROP COLUMN vectors_version, DROP COLUMN references_version;
ALTER TABLE index_builds DROP COLUMN embeddings_version;
ALTER TABLE evaluations DROP COLUMN version;
COMMENT ON TABLE set_days IS 'which detector and embedder made a day''s vectors: where they are others now, the day is stale';
COMMENT ON TABLE searches IS 'who was searched for under a set when its results were made';
