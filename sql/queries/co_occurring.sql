-- Distances between two faces of one photo: almost always two people's. Overlapping boxes are one face found twice; the
-- third of the faces that the detector is least sure of has most of those that are none, and they look alike.
-- Faces are paired inside arrays of a photo's: joined to each other, all 5,000 of a set took 6 s and 100,000 hours, since
-- the planner expects one row of a join by photo, detector and face.
WITH faces AS (
    SELECT e.sha256, e.embedder_fingerprint, e.embedding::vector({dimension}) AS embedding,
           box(point(f.x, f.y), point(f.x + f.w, f.y + f.h)) AS place,
           percent_rank() OVER (ORDER BY f.score) AS confidence
    FROM {table} e JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
),
photos AS (
    SELECT sha256, array_agg(embedding) AS embeddings, array_agg(place) AS places
    FROM faces
    WHERE confidence >= 0.3
    GROUP BY sha256, embedder_fingerprint
)
SELECT embeddings[a] {operator} embeddings[b]
FROM photos, generate_series(1, cardinality(embeddings)) a, generate_series(a + 1, cardinality(embeddings)) b
WHERE NOT places[a] && places[b]
ORDER BY sha256  -- a hash: the same sample of photos every time
LIMIT %(limit)s
