-- Faces of a day's photos, whatever detector found them, that some set has a vector of this embedder for.
SELECT DISTINCT day.sha256, f.x, f.y, f.w, f.h, f.landmarks
FROM (SELECT DISTINCT sha256 FROM photos WHERE event_day = %(day)s AND problem IS NULL) day
JOIN detected_faces f ON f.sha256 = day.sha256
JOIN embeddings e ON e.face_key = f.face_key AND e.embedder_fingerprint = %(embedder)s
