-- Whether the face found, `best`, is large enough, and whether it and those of the people it may be with are the only
-- ones. Another face counts if it is at least half as high, and is not the same one found twice.
AND EXISTS (
    SELECT FROM detected_faces f
    WHERE (f.sha256, f.detector_fingerprint, f.face_key) = (best.sha256, best.detector_fingerprint, best.face_key)
      AND (%(min_height)s::float8 IS NULL OR f.h >= %(min_height)s)
      AND (%(min_share)s::float8 IS NULL
           OR f.h >= %(min_share)s * (SELECT min(height) FROM photos p WHERE p.sha256 = f.sha256))
      AND (%(only)s::text[] IS NULL OR NOT EXISTS (
            SELECT FROM detected_faces other
            WHERE other.sha256 = f.sha256 AND other.detector_fingerprint = f.detector_fingerprint
              AND other.face_key <> f.face_key AND other.h >= f.h / 2.0
              AND NOT box(point(f.x, f.y), point(f.x + f.w, f.y + f.h))
                      @> point(other.x + other.w / 2.0, other.y + other.h / 2.0)
              AND (other.sha256, other.face_key) NOT IN (
                    SELECT r.sha256, {face_key} FROM search_results r
                    WHERE r.parameter_set = %(company_set)s AND r.person = ANY (coalesce(%(present)s::text[], '{{}}'))
                  )
          ))
)
