-- All that is known of every (person, photo) that was ranked under a set or is in truth, of people with truth and among
-- the photos of the event days that their lists cover; ranked ones in the order of their ranks. `person` and `photo`
-- ask for one person only, in all days, as if the photo were in truth. Left out is what a list says is, or the photo that
-- a reference was cut from: of the same content, or of each reference the nearest of those within `same_picture`.
-- `results` are the rows of search_results, or what they are by the face alone.
WITH wanted AS (
    SELECT person, sha256, x, y, w, h, leave_out FROM truth WHERE %(person)s::text IS NULL OR person = %(person)s
    UNION ALL
    SELECT %(person)s, %(photo)s, NULL, NULL, NULL, NULL, NULL
    WHERE %(person)s::text IS NOT NULL
      AND NOT EXISTS (SELECT FROM truth WHERE (person, sha256) = (%(person)s, %(photo)s::bytea))
),
listed AS (
    SELECT t.person, CASE WHEN NOT bool_or(l.days IS NULL) THEN array_agg(DISTINCT covered.day) END AS days,
           bool_or(l.unlabelled_left_out) AS unlabelled_left_out
    FROM truth t
    JOIN truth_lists l USING (source)
    LEFT JOIN LATERAL unnest(l.days) AS covered (day) ON true
    WHERE t.leave_out IS NOT TRUE
    GROUP BY t.person
),
labelled AS (SELECT DISTINCT sha256 FROM truth WHERE leave_out IS NOT TRUE),
files AS (
    SELECT sha256, array_agg(event_day) AS days, min(path) AS path,
           CASE WHEN bool_and(problem IS NOT NULL) THEN min(problem) END AS problem
    FROM photos WHERE sha256 IS NOT NULL GROUP BY sha256
),
ranked AS (
    SELECT person, sha256, rank, face_key, distance, score, face_rank, face_score, plain_distance, rival, rival_distance
    FROM {results} results
    WHERE parameter_set = %(parameter_set)s AND person IN (SELECT person FROM wanted)
),
cut_from AS (
    SELECT DISTINCT ON (own.person, own.sha256) own.person, r.sha256
    FROM ranked r
    JOIN embeddings e ON (e.parameter_set, e.sha256) = (%(parameter_set)s, r.sha256)
    JOIN reference_embeddings own
      ON (own.parameter_set, own.person, own.embedder_fingerprint) = (%(parameter_set)s, r.person, e.embedder_fingerprint)
    WHERE r.plain_distance <= %(same_picture)s AND own.embedding {operator} e.embedding <= %(same_picture)s
    ORDER BY own.person, own.sha256, own.embedding {operator} e.embedding, r.sha256
),
source AS (
    SELECT person, sha256 FROM cut_from UNION SELECT person, sha256 FROM reference_photos
),
pairs AS (
    SELECT person, sha256, r.rank, r.face_key, r.distance, r.score, r.face_rank, r.face_score, r.plain_distance, r.rival, r.rival_distance,
           wanted.person IS NOT NULL AS relevant, wanted.x, wanted.y, wanted.w, wanted.h,
           wanted.leave_out
    FROM ranked r FULL JOIN wanted USING (person, sha256)
)
SELECT p.person, p.sha256, p.rank, p.distance, p.score, p.face_rank, p.face_score, p.plain_distance, p.rival, p.rival_distance,
       p.relevant, p.x, p.y, p.w, p.h, said.shown, coalesce(said.by_hand, false) AS by_hand,
       files.path, coalesce(files.problem, d.problem) AS problem, d.sha256 IS NOT NULL AS detected,
       f.w AS face_width, f.sharpness, f.landmarks,
       (SELECT count(*) FROM detected_faces c
        WHERE c.sha256 = p.sha256 AND c.detector_fingerprint = s.detector_fingerprint) AS faces,
       coalesce(p.leave_out, source.sha256 IS NOT NULL) AS left_out,
       coalesce(listed.unlabelled_left_out, false) AND labelled.sha256 IS NULL AS unlabelled
FROM pairs p
JOIN parameter_sets s ON s.parameter_set = %(parameter_set)s
LEFT JOIN listed ON listed.person = p.person
LEFT JOIN labelled ON labelled.sha256 = p.sha256
LEFT JOIN source ON (source.person, source.sha256) = (p.person, p.sha256)
LEFT JOIN feedback said ON (said.person, said.sha256) = (p.person, p.sha256)
LEFT JOIN files ON files.sha256 = p.sha256
LEFT JOIN detections d ON (d.sha256, d.detector_fingerprint) = (p.sha256, s.detector_fingerprint)
LEFT JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key)
    = (p.sha256, s.detector_fingerprint, p.face_key)
WHERE %(person)s::text IS NOT NULL OR listed.days IS NULL OR files.sha256 IS NULL OR files.days && listed.days
ORDER BY p.person, p.rank NULLS LAST, p.sha256
