-- Event days of homes that were made before days had a date count from when their first photo was looked at.
-- depends: 0033_rights

UPDATE event_days d SET registered_at = known.since
FROM (
    -- the same photo may have been looked at for another folder before this one was given
    SELECT p.event_day, greatest(min(n.detected_at), min(r.added_at)) AS since
    FROM photos p
    JOIN event_days USING (event_day)
    JOIN photo_roots r USING (root_id)
    JOIN detections n USING (sha256)
    GROUP BY p.event_day
) known
WHERE d.event_day = known.event_day AND known.since < d.registered_at;
