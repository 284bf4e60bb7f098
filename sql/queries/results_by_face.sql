-- Stored results by the face alone, in the columns that stored_results.sql and truth_facts.sql read.
SELECT parameter_set, person, face_rank AS rank, sha256, coalesce(by_face_key, face_key) AS face_key,
       coalesce(by_face_distance, distance) AS distance, face_score AS score, plain_distance,
       CASE WHEN by_face_key IS NULL THEN rival ELSE by_face_rival END AS rival,
       CASE WHEN by_face_key IS NULL THEN rival_distance ELSE by_face_rival_distance END AS rival_distance,
       confirmed, face_rank, face_score, NULL::float8 AS clothes, NULL::integer AS clothes_photos
FROM search_results
