-- What to call a photo of `score`; empty where nothing is known of probabilities.
CASE WHEN {confirmed} THEN 'confirmed'
     WHEN %(likely)s::float8 IS NULL THEN ''
     WHEN {score} <= %(sure)s THEN 'sure'
     WHEN {score} <= %(likely)s THEN 'likely'
     ELSE 'unlikely' END
