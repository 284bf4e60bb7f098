-- A person's stored results, with the paths that the photos have now; copies of a photo collapsed to one. Filters choose
-- among the photos as in find.sql, whose columns these are up to the counts. Counts are of all that filters leave; they
-- come also where no photo is shown. `kept` is how many photos are stored for the person, `worst` the worst score among
-- them. A box drawn by hand has no face that a detector found. `results` are the rows of search_results, or what they
-- are by the face alone.
WITH wanted AS NOT MATERIALIZED (
    {wanted}
),
ranked AS MATERIALIZED (
    SELECT best.*, {band} AS band
    FROM (
        SELECT r.*, e.detector_fingerprint
        FROM {results} r
        LEFT JOIN embeddings e USING (parameter_set, face_key)
        LEFT JOIN feedback said ON (said.person, said.sha256) = (r.person, r.sha256) AND said.by_hand
        WHERE r.parameter_set = %(parameter_set)s AND r.person = %(person)s
          AND (e.face_key IS NOT NULL OR said.by_hand)
    ) best
    WHERE EXISTS (SELECT FROM wanted w WHERE w.sha256 = best.sha256) {of_face}
),
counts AS (
    SELECT count(*) FILTER (WHERE band = 'confirmed') AS confirmed, count(*) FILTER (WHERE band = 'sure') AS sure,
           count(*) FILTER (WHERE band = 'likely') AS likely, count(*) AS photos
    FROM ranked
),
kept AS (
    SELECT count(*) AS photos, max(score) AS worst FROM {results} r
    WHERE parameter_set = %(parameter_set)s AND person = %(person)s
)
SELECT w.files, n.distance,
       coalesce(f.x, said.x) AS x, coalesce(f.y, said.y) AS y, coalesce(f.w, said.w) AS w, coalesce(f.h, said.h) AS h,
       f.score AS detector_score, w.taken_at, w.country, w.place, n.sha256,
       coalesce(f.thumbnail, said.thumbnail) AS thumbnail,
       n.score, n.plain_distance, rival.display_name AS rival, n.rival_distance, n.band,
       n.face_score, n.clothes, n.clothes_photos,
       counts.confirmed, counts.sure, counts.likely, counts.photos, kept.photos AS kept, kept.worst
FROM counts
CROSS JOIN kept
LEFT JOIN (
    SELECT * FROM ranked
    WHERE %(bands)s::text[] IS NULL OR band = '' OR band = ANY (%(bands)s)
    ORDER BY rank
    LIMIT %(limit)s
) n ON true
LEFT JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
LEFT JOIN feedback said ON (said.person, said.sha256) = (n.person, n.sha256) AND said.by_hand
LEFT JOIN people rival ON rival.person = n.rival
LEFT JOIN LATERAL (
    SELECT array_agg(ARRAY[event_day, p.path, r.path]) AS files,
           min(taken_at) AS taken_at, min(country) AS country, min(place) AS place
    FROM wanted p JOIN event_days USING (event_day) JOIN photo_roots r USING (root_id) WHERE p.sha256 = n.sha256
) w ON true
ORDER BY n.rank
