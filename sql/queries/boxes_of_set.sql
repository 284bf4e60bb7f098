-- The boxes that a set's detector found, photo by photo; copies of a photo count once.
SELECT f.sha256, p.event_day, p.path, f.face_key, f.x, f.y, f.w, f.h, f.score
FROM parameter_sets s
JOIN detected_faces f ON f.detector_fingerprint = s.detector_fingerprint
CROSS JOIN LATERAL (
    SELECT event_day, path FROM photos WHERE photos.sha256 = f.sha256 ORDER BY event_day, path LIMIT 1
) p
WHERE s.parameter_set = %(parameter_set)s
ORDER BY p.event_day, p.path, f.x, f.y, f.w, f.h
