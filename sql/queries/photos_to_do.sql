-- Photos of event days that the detector has not seen, or with faces that no set has a vector of this embedder for, unless
-- the embedder failed on them, or whose clothes were not described by these rules.
-- The face is null where the photo is still to detect. Copies of one photo count once.
WITH day AS (
    SELECT DISTINCT ON (sha256) sha256, path
    FROM photos WHERE event_day = ANY (%(days)s) AND problem IS NULL
    ORDER BY sha256, path
)
SELECT day.sha256, day.path, f.face_key, f.x, f.y, f.w, f.h, f.score, f.landmarks
FROM day
LEFT JOIN detections d ON d.sha256 = day.sha256 AND d.detector_fingerprint = %(detector)s
LEFT JOIN detected_faces f ON f.sha256 = d.sha256 AND f.detector_fingerprint = d.detector_fingerprint
WHERE d.sha256 IS NULL
   OR (f.face_key IS NOT NULL AND NOT EXISTS (
        SELECT FROM embeddings e WHERE e.face_key = f.face_key AND e.embedder_fingerprint = %(embedder)s
   ) AND NOT EXISTS (
        SELECT FROM embedding_problems p
        WHERE (p.sha256, p.detector_fingerprint, p.embedder_fingerprint)
            = (f.sha256, f.detector_fingerprint, %(embedder)s)
   ))
   OR (f.face_key IS NOT NULL AND NOT EXISTS (
        SELECT FROM clothes c WHERE c.face_key = f.face_key AND c.fingerprint = %(clothes)s
   ))
ORDER BY day.path, f.x, f.y, f.w, f.h
