-- Vectors of photos that are in no event day any more, in every set; and of a day's photos those in its set that the
-- present detector or embedder did not make.
DELETE FROM embeddings e
WHERE NOT EXISTS (SELECT FROM photos p WHERE p.sha256 = e.sha256)
   OR (
        e.parameter_set = %(parameter_set)s
        AND (e.detector_fingerprint <> %(detector)s OR e.embedder_fingerprint <> %(embedder)s)
        AND EXISTS (SELECT FROM photos p WHERE p.sha256 = e.sha256 AND p.event_day = %(day)s)
   )
RETURNING parameter_set
