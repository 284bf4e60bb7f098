-- The part of find.sql for a person: the feedback on them in a photo.
LEFT JOIN feedback said ON said.person = %(person)s AND said.sha256 = best.sha256
