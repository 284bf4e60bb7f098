-- The faces that the detectors of all sets found in photos, turned ones recognised by their landmarks. Without the detector that
-- takes each whole photo for a face.
SELECT f.sha256, f.x, f.y, f.w, f.h, f.score, f.landmarks
FROM detected_faces f JOIN fingerprints d ON d.fingerprint = f.detector_fingerprint
WHERE f.sha256 = ANY (%(photos)s) AND d.meaning ->> 'detector' <> 'whole'
ORDER BY f.sha256, f.detector_fingerprint, f.face_key
