-- Calls in sessions of grants that AWS denied: what was tried besides what had been granted
SELECT dt, event_id, time, grant_id, source_identity AS principal, human, target, account, service, operation, actions,
       resources, error_code, error_message, source_ip
FROM unique_calls
WHERE denied
  AND verdict = 'explained'
  AND purpose = 'grant'
