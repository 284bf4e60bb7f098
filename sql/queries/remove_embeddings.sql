-- Vectors of a set whose photo is in no event day any more, or that the set's present detector or embedder did not make.
DELETE FROM embeddings e
WHERE e.parameter_set = %(parameter_set)s
  AND (
    NOT EXISTS (SELECT FROM photos p WHERE p.sha256 = e.sha256)
    OR (
        (e.detector_fingerprint <> %(detector)s OR e.embedder_fingerprint <> %(embedder)s)
        AND EXISTS (SELECT FROM photos p WHERE p.sha256 = e.sha256 AND p.event_day = %(day)s)
    )
  )
