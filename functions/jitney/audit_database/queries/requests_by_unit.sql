-- Requests of the last 30 days per accountable unit, with its agents, its dry runs and what became of the requests
SELECT unit, COUNT(DISTINCT principal) AS agents,
       CAST(SUM(CASE event WHEN 'request' THEN "count" ELSE 0 END) AS BIGINT) AS requests,
       COUNT_IF(event = 'request' AND outcome = 'allowed') AS allowed,
       COUNT_IF(event = 'request' AND outcome = 'review' AND code = '') AS reviews,
       COUNT_IF(event = 'request' AND outcome = 'denied') AS denied,
       CAST(SUM(CASE WHEN event = 'request' AND outcome = 'refused' THEN "count" ELSE 0 END) AS BIGINT) AS refused,
       CAST(SUM(CASE event WHEN 'preview' THEN "count" ELSE 0 END) AS BIGINT) AS dry_runs, MAX(time) AS last_time
FROM (
    -- A day may be published again.
    SELECT DISTINCT chain, seq, hash, unit, principal, event, outcome, code, "count", time
    FROM unique_records
    WHERE unit <> ''
      AND event IN ('request', 'preview')
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
) AS asked
GROUP BY unit
ORDER BY requests DESC, unit
