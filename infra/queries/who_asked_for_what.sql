-- Who asked for what, when, and what came of it, in the last 30 days
SELECT time, principal, human, target, CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources,
       duration_seconds, reason, ticket, outcome, code, grant_id
FROM records_once
WHERE event = 'request'
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
