-- Whether those are on a photo, and those not, who shall be; the part of wanted_photos.sql that costs time to plan.
AND (%(present)s::text[] IS NULL OR sha256 IN (
        SELECT sha256 FROM ({people_present}) there WHERE person = ANY (%(present)s)
        GROUP BY sha256 HAVING count(DISTINCT person) = cardinality(%(present)s::text[])
      ))
  AND (%(absent)s::text[] IS NULL OR sha256 NOT IN (
        SELECT sha256 FROM ({people_present}) there WHERE person = ANY (%(absent)s)
      ))
  AND (%(only)s::text[] IS NULL OR sha256 NOT IN (
        SELECT sha256 FROM ({people_present}) there WHERE person <> ALL (%(only)s)
      ))
