-- The thumbnails of faces, whatever detector found them.
SELECT DISTINCT ON (face_key) face_key, thumbnail FROM detected_faces WHERE face_key = ANY (%(faces)s::uuid[])
