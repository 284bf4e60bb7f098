-- The vectors of the photos from `start` up to `end`, to be read by numpy: every field has a fixed length, so embedders
-- are numbers, from 1, of their fingerprints in the list asked for.
COPY (
    SELECT sha256, face_key, array_position(%(embedders)s::text[], embedder_fingerprint), embedding
    FROM {table}
    WHERE sha256 >= %(start)s AND (%(end)s::bytea IS NULL OR sha256 < %(end)s)
      AND embedder_fingerprint = ANY (%(embedders)s)
    ORDER BY sha256, face_key
) TO STDOUT (FORMAT binary)
