-- The photos, by SHA-256, that begin blocks of about `size` of a set's faces, each photo whole. The first face of each
-- block is counted off in the index on the photos, without a look at vectors.
SELECT DISTINCT sha256
FROM (SELECT sha256, row_number() OVER (ORDER BY sha256) - 1 AS number FROM {table}) numbered
WHERE mod(number, %(size)s) = 0
ORDER BY sha256
