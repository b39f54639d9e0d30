-- Calls of the last 30 days that succeeded outside of what their grant allows, with the reasons
SELECT time, grant_id, source_identity AS principal, human, target, account, service, operation,
       CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources, CAST(reasons AS JSON) AS reasons,
       source_ip, event_id
FROM unique_calls
WHERE verdict = 'beyond_grant'
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
