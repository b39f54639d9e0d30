-- Denied requests of the last 30 days, and what the same unit was granted within an hour after each
SELECT denied.time, COALESCE(json_extract_scalar(denied.detail, '$.requester.name'), denied.principal) AS requester,
       denied.unit, denied.principal, denied.human, denied.target,
       CAST(denied.actions AS JSON) AS denied_actions, CAST(denied.resources AS JSON) AS denied_resources,
       denied.duration_seconds AS denied_seconds, allowed.grant_id,
       allowed.time AS allowed_at, CAST(allowed.actions AS JSON) AS allowed_actions,
       CAST(allowed.resources AS JSON) AS allowed_resources, allowed.duration_seconds AS allowed_seconds
FROM unique_records AS denied
JOIN unique_records AS allowed
  ON allowed.unit = denied.unit
 AND allowed.human = denied.human
 AND allowed.target = denied.target
 AND allowed.grants_access
 AND allowed.event <> 'issue' -- a renewal
 AND allowed.time >= denied.time
 AND DATE_DIFF('second', CAST(REPLACE(SUBSTR(denied.time, 1, 19), 'T', ' ') AS TIMESTAMP),
               CAST(REPLACE(SUBSTR(allowed.time, 1, 19), 'T', ' ') AS TIMESTAMP)) <= 3600
 AND (allowed.actions <> denied.actions OR allowed.resources <> denied.resources
      OR allowed.duration_seconds < denied.duration_seconds)
 AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= allowed.dt
WHERE denied.event = 'request'
  AND denied.outcome = 'denied'
  AND denied.dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY denied.time DESC, allowed.time
