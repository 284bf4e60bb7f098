-- The faces that any detector found in photos, with the sets that use it.
SELECT f.sha256, s.parameter_set, f.x, f.y, f.w, f.h
FROM detected_faces f JOIN parameter_sets s USING (detector_fingerprint)
WHERE f.sha256 = ANY (%(photos)s)
ORDER BY f.sha256, s.parameter_set, f.x, f.y
