-- Faces of a day's photos, whatever detector found them, and which of them need no vector (some set has one of this
-- embedder, or it failed on the photo) and no descriptor of their clothes.
SELECT sha256, x, y, w, h, landmarks, needs_no_vector, needs_no_clothes
FROM (
    SELECT DISTINCT day.sha256, f.x, f.y, f.w, f.h, f.landmarks,
           EXISTS (
               SELECT FROM embeddings e WHERE e.face_key = f.face_key AND e.embedder_fingerprint = %(embedder)s
           ) OR EXISTS (
               SELECT FROM embedding_problems p
               WHERE (p.sha256, p.detector_fingerprint, p.embedder_fingerprint)
                   = (f.sha256, %(detector)s, %(embedder)s)
           ) AS needs_no_vector,
           EXISTS (
               SELECT FROM clothes c WHERE c.face_key = f.face_key AND c.fingerprint = %(clothes)s
           ) AS needs_no_clothes
    FROM (SELECT DISTINCT sha256 FROM photos WHERE event_day = %(day)s AND problem IS NULL) day
    JOIN detected_faces f ON f.sha256 = day.sha256
) known
WHERE needs_no_vector OR needs_no_clothes
