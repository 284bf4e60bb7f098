-- The cut at the customary distance is named in stored figures as it is in those computed from now on.
-- depends: 0019_made

UPDATE evaluations
SET evaluation = replace(evaluation::text, '"plain distance 0.6"', '"nearest-reference distance 0.6"')::jsonb
WHERE evaluation::text LIKE '%"plain distance 0.6"%';
