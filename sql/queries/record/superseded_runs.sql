-- Runs that ended before a moment and that nothing in Dagster's record needs. Needed are those of a backfill at work, and
-- those that own
--   * the newest event of a kind of an asset's partition: without its materialization a partition is missing, without
--     what was planned it has not failed;
--   * the newest evaluation of a check;
--   * the event since which a data version is as it is now, or as it was when something was made from it that still is
--     as it was made: Dagster compares these two to say what is stale.
WITH newest AS (
    SELECT DISTINCT ON (asset_key, dagster_event_type, partition) id, run_id
    FROM event_logs
    WHERE asset_key IS NOT NULL
    ORDER BY asset_key, dagster_event_type, partition, id DESC
),
made_from AS (
    SELECT '["' || pointer[1] || '"]' AS asset_key, pointer[2]::bigint AS id
    FROM newest
    JOIN event_logs USING (id)
    CROSS JOIN regexp_matches(event, '"dagster/input_event_pointer/([^"]+)": "([0-9]+)"', 'g') AS pointer
    WHERE dagster_event_type = 'ASSET_MATERIALIZATION'
),
versions AS (
    SELECT event.id, event.run_id, event.asset_key, event.partition, tag.value AS version,
           lag(tag.value) OVER (PARTITION BY event.asset_key, event.partition ORDER BY event.id) AS before
    FROM event_logs event
    LEFT JOIN asset_event_tags tag ON tag.event_id = event.id AND tag.key = 'dagster/data_version'
    WHERE event.dagster_event_type IN ('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION')
),
changes AS (
    SELECT id, run_id, asset_key, lead(id) OVER (PARTITION BY asset_key, partition ORDER BY id) AS next
    FROM versions
    WHERE version IS DISTINCT FROM before
),
needed AS (
    SELECT run_id FROM newest
    UNION
    SELECT run_id
    FROM (
        SELECT DISTINCT ON (asset_key, check_name, partition) run_id
        FROM asset_check_executions
        ORDER BY asset_key, check_name, partition, id DESC
    ) evaluated
    UNION
    SELECT change.run_id
    FROM changes change
    WHERE change.next IS NULL OR EXISTS (
        SELECT FROM made_from
        WHERE made_from.asset_key = change.asset_key AND made_from.id >= change.id AND made_from.id < change.next
    )
    UNION
    SELECT tag.run_id
    FROM run_tags tag
    JOIN bulk_actions backfill ON backfill.key = tag.value
    WHERE tag.key = %(backfill)s AND backfill.status IN ('REQUESTED', 'CANCELING', 'FAILING')
)
SELECT run_id
FROM runs
WHERE status IN ('SUCCESS', 'FAILURE', 'CANCELED')
  AND coalesce(end_time, extract(epoch FROM update_timestamp)) < %(before)s
  AND NOT EXISTS (SELECT FROM needed WHERE needed.run_id = runs.run_id)
ORDER BY id
