-- A person's stored results, with the paths that the photos have now; copies of a photo collapsed to one.
SELECT w.days, w.paths, r.distance, f.x, f.y, f.w, f.h, f.score, w.taken_at, w.country, w.place, r.sha256, f.thumbnail
FROM search_results r
JOIN embeddings e USING (parameter_set, face_key)
JOIN detected_faces f ON f.sha256 = e.sha256 AND f.detector_fingerprint = e.detector_fingerprint AND f.face_key = e.face_key
CROSS JOIN LATERAL (
    SELECT array_agg(event_day ORDER BY event_day, path) AS days, array_agg(path ORDER BY event_day, path) AS paths,
           min(taken_at) AS taken_at, min(country) AS country, min(place) AS place
    FROM photos p WHERE p.sha256 = r.sha256
) w
WHERE r.parameter_set = %(parameter_set)s AND r.person = %(person)s AND w.days IS NOT NULL
ORDER BY r.rank
LIMIT %(limit)s
