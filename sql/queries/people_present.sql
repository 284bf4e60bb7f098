-- Who is on which photo: as people said, else the sure and likely ones among the stored results of a set.
SELECT person, sha256 FROM feedback WHERE shown
UNION ALL
SELECT r.person, r.sha256 FROM search_results r
WHERE r.parameter_set = %(company_set)s AND r.{score} <= %(company_cut)s
  AND NOT EXISTS (SELECT FROM feedback said WHERE said.person = r.person AND said.sha256 = r.sha256)
