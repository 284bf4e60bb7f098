-- How many faces the detector found in each readable photo of a day.
SELECT count(*) AS photos, count(*) FILTER (WHERE faces > 0) AS with_faces,
       coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY faces), 0) AS median, coalesce(max(faces), 0) AS most
FROM (
    SELECT d.sha256, count(f.face_key) AS faces
    FROM (SELECT DISTINCT sha256 FROM photos WHERE event_day = %(day)s AND problem IS NULL) day
    JOIN detections d ON d.sha256 = day.sha256 AND d.detector_fingerprint = %(detector)s
    LEFT JOIN detected_faces f ON f.sha256 = d.sha256 AND f.detector_fingerprint = d.detector_fingerprint
    GROUP BY d.sha256
) a_photo
