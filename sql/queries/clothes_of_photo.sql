-- What clothes added to a photo of a person's results, and what they tell on its event day.
SELECT r.face_rank, r.face_score, r.score, r.clothes, r.clothes_photos, day.event_day, d.separation
FROM (SELECT min(event_day) AS event_day FROM photos WHERE sha256 = %(photo)s) day
LEFT JOIN search_results r ON (r.parameter_set, r.person, r.sha256) = (%(parameter_set)s, %(person)s, %(photo)s)
LEFT JOIN clothes_days d ON (d.parameter_set, d.event_day) = (%(parameter_set)s, day.event_day)
