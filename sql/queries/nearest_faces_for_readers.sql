-- The part of find.sql that compares vectors, for readers: without vectors to ask with, with the person's references.
near AS (
    SELECT * FROM results.nearest_faces(
        %(parameter_set)s, %(person)s, %(vectors)s, %(embedders)s, %(candidates)s, {exactly}
    )
)
