-- The best faces of each person under a set that are confirmed or score up to the cut, if there is one. A box drawn by hand
-- has its own thumbnail and no distance.
SELECT coalesce(f.thumbnail, said.thumbnail) AS thumbnail, r.confirmed, p.display_name || ' ' || r.rank AS name,
       coalesce(round(r.distance::numeric, 3)::text, 'by hand') AS distance
FROM search_results r
JOIN people p USING (person)
LEFT JOIN embeddings e USING (parameter_set, face_key)
LEFT JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key)
    = (e.sha256, e.detector_fingerprint, e.face_key)
LEFT JOIN feedback said ON (said.person, said.sha256) = (r.person, r.sha256) AND said.by_hand
WHERE r.parameter_set = %(parameter_set)s AND r.rank <= %(ranks)s AND coalesce(f.thumbnail, said.thumbnail) IS NOT NULL
  AND (r.confirmed OR r.score <= coalesce(%(cut)s, 'infinity'::float8))
ORDER BY r.person, r.rank
LIMIT %(most)s
