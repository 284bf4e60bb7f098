-- The boxes that were drawn by hand around people, with their vectors where one embedder made them.
SELECT said.person, said.sha256, e.embedding, e.embedder_fingerprint
FROM feedback said
LEFT JOIN by_hand_embeddings e ON (e.person, e.sha256, e.embedder_fingerprint)
    = (said.person, said.sha256, %(embedder)s) AND e.embedding IS NOT NULL
WHERE said.by_hand AND said.person = ANY (%(people)s)
ORDER BY said.sha256
