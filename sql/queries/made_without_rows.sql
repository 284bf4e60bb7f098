-- Partitions of faces that count as whole, and of how many of their photos and faces something is missing.
SELECT made.partition, count(*) FILTER (WHERE n.sha256 IS NULL), coalesce(sum(lacking.faces), 0)
FROM made
JOIN set_days d ON made.partition = d.event_day || '|' || d.parameter_set
JOIN (SELECT DISTINCT event_day, sha256 FROM photos WHERE problem IS NULL) p USING (event_day)
LEFT JOIN detections n ON (n.sha256, n.detector_fingerprint) = (p.sha256, d.detector_fingerprint)
LEFT JOIN LATERAL (
    SELECT count(*) AS faces
    FROM detected_faces f
    LEFT JOIN embeddings e ON (e.parameter_set, e.face_key) = (d.parameter_set, f.face_key)
    WHERE (f.sha256, f.detector_fingerprint) = (p.sha256, d.detector_fingerprint) AND e.face_key IS NULL
      AND NOT EXISTS (
          SELECT FROM embedding_problems q
          WHERE (q.sha256, q.detector_fingerprint, q.embedder_fingerprint)
              = (f.sha256, f.detector_fingerprint, d.embedder_fingerprint)
      )
) lacking ON true
WHERE made.asset = 'face_embeddings' AND made.complete
  -- of photos that came since, `files` and what is due tell
  AND EXISTS (
      SELECT FROM made photos WHERE (photos.asset, photos.partition) = ('raw_photos', d.event_day)
        AND split_part(made.made_from, ' ', 1) = photos.data_version
  )
GROUP BY made.partition
HAVING bool_or(n.sha256 IS NULL) OR sum(lacking.faces) > 0
ORDER BY made.partition
