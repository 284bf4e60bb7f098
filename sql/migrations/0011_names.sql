-- Names of one's own for parameter sets, and references as the talk's SQL reads them.
-- depends: 0010_when_and_where

ALTER TABLE parameter_sets ADD COLUMN name text UNIQUE CHECK (name ~ '^[a-z][a-z0-9_]*$');
COMMENT ON COLUMN parameter_sets.name IS 'a name of this home''s own, and of the table behind embeddings_';

-- Without those that an embedder of another fingerprint made than the set's faces: they can't be compared.
CREATE VIEW reference_faces AS
SELECT p.filename, r.parameter_set, r.embedding
FROM reference_embeddings r
JOIN reference_photos p USING (person, sha256)
JOIN parameter_sets s USING (parameter_set)
WHERE r.embedding IS NOT NULL AND r.embedder_fingerprint = coalesce(s.embedder_fingerprint, r.embedder_fingerprint);
