-- Faces of a day whose box reaches over its photo's border: then orientation or scale went wrong.
SELECT min(p.path) AS path, f.x, f.y, f.w, f.h, p.width, p.height
FROM photos p JOIN detected_faces f USING (sha256)
WHERE p.event_day = %(day)s AND f.detector_fingerprint = %(detector)s
  AND (f.x < 0 OR f.y < 0 OR f.x + f.w > p.width OR f.y + f.h > p.height)
GROUP BY f.face_key, f.x, f.y, f.w, f.h, p.width, p.height
ORDER BY 1
