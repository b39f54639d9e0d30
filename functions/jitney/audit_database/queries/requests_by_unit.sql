-- Requests of the last 30 days per accountable unit, with its agents and what became of the requests
SELECT unit, COUNT(DISTINCT principal) AS agents, CAST(SUM("count") AS BIGINT) AS requests,
       COUNT_IF(outcome = 'allowed') AS allowed, COUNT_IF(outcome = 'review' AND code = '') AS reviews,
       COUNT_IF(outcome = 'denied') AS denied, COUNT_IF(outcome = 'refused') AS refused, MAX(time) AS last_time
FROM unique_records
WHERE unit <> ''
  AND event IN ('request', 'preview')
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
GROUP BY unit
ORDER BY requests DESC, unit
