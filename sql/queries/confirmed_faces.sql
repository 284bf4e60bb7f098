-- The part of find.sql for a person of whose photos some were confirmed: these are candidates however far they are.
UNION ALL
SELECT NULL, e.sha256, e.face_key, e.detector_fingerprint,
       min(e.embedding {operator} probes.embedding)
FROM feedback said
JOIN {table} e ON e.sha256 = said.sha256
JOIN probes ON probes.embedder = e.embedder_fingerprint
WHERE said.person = %(person)s AND said.shown AND NOT said.by_hand
GROUP BY e.sha256, e.face_key, e.detector_fingerprint
UNION ALL  -- a box drawn by hand has no face that a detector found, and no distance
SELECT NULL, said.sha256, NULL, NULL, NULL FROM feedback said WHERE said.person = %(person)s AND said.by_hand
