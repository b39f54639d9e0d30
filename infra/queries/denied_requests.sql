-- Requests and previews that policy denied in the last 30 days, with the policies
SELECT time, event, principal, human, target, CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources,
       CAST(policies AS JSON) AS policies, reason, policy_version
FROM unique_records
WHERE event IN ('request', 'preview')
  AND outcome = 'denied'
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
