-- What policy denied in the last 30 days, and which policies did
SELECT time, principal, human, target, actions, resources, policies, reason, policy_version
FROM records
WHERE event IN ('request', 'preview')
  AND outcome = 'denied'
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
