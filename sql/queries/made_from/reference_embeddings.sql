-- A set's reference vectors follow from the reference photos, and from the boxes that were drawn by hand in photos that
-- are there.
SELECT parameter_set AS partition, concat_ws(' ', photos.data_version, boxes.version) AS made_from, tried.made_by
FROM parameter_sets
CROSS JOIN (
    SELECT version_of(string_agg(concat_ws(' ', person, sha256, x, y, w, h), E'\n' ORDER BY person, sha256)) AS version
    FROM feedback said
    WHERE by_hand AND EXISTS (
        SELECT FROM photos p JOIN event_days USING (event_day) WHERE p.sha256 = said.sha256 AND available
    )
) boxes
LEFT JOIN made photos ON photos.asset = 'reference_photos'
LEFT JOIN (
    SELECT parameter_set, array_agg(DISTINCT detector_fingerprint) || array_agg(DISTINCT embedder_fingerprint) AS made_by
    FROM reference_embeddings
    WHERE (%(sets)s::text[] IS NULL OR parameter_set = ANY (%(sets)s))
    GROUP BY 1
) tried USING (parameter_set)
WHERE %(sets)s::text[] IS NULL OR parameter_set = ANY (%(sets)s)
