-- The best faces of groups, with one of the files that each is in.
SELECT g.face_group, g.sha256, f.x, f.y, f.w, f.h, f.thumbnail,
       (SELECT min(p.path) FROM photos p WHERE p.sha256 = g.sha256) AS path
FROM group_faces g
JOIN {table} e USING (sha256, face_key)
JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
WHERE g.parameter_set = %(parameter_set)s AND g.face_group = ANY (%(groups)s) AND g.rank <= %(most)s
ORDER BY g.face_group, g.rank
