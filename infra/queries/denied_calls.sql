-- Calls of grants that IAM denied in the last 30 days: what agents tried besides what they had been granted
SELECT DISTINCT time, grant_id, source_identity AS principal, human, target, service, operation, actions, resources,
       error_code, error_message, event_id
FROM calls
WHERE verdict = 'explained'
  AND purpose = 'grant'
  AND error_code IN ('AccessDenied', 'AccessDeniedException', 'Client.UnauthorizedOperation', 'UnauthorizedOperation',
                     'Forbidden')
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
