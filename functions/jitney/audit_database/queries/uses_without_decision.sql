-- Credentials and gateway calls of the last 30 days that no decision on record allows, as after a change by hand
SELECT used.time, used.event, used.outcome, used.grant_id, used.principal, used.human, used.target,
       CAST(used.actions AS JSON) AS actions, CAST(used.resources AS JSON) AS resources, used.source_ip
FROM unique_records AS used
LEFT JOIN (
    SELECT grant_id, principal, target, actions, resources
    FROM unique_records
    WHERE grants_access
      AND event <> 'issue'
      AND CAST(CAST(current_date - INTERVAL '44' DAY AS DATE) AS VARCHAR) <= dt
) AS decided
  ON decided.grant_id = used.grant_id
 AND decided.principal = used.principal
 AND decided.target = used.target
 AND (used.event = 'call' OR (decided.actions = used.actions AND decided.resources = used.resources))
WHERE ((used.event = 'issue' AND used.outcome = 'allowed')
       OR (used.event = 'call' AND used.outcome IN ('sent', 'answered')))
  AND used.dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
  AND decided.grant_id IS NULL
ORDER BY used.time DESC
