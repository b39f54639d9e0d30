-- Calls of grants that AWS denied: outside of the grant, or after its end
SELECT dt, event_id, time, grant_id, source_identity AS principal, human, target, account, service, operation, actions,
       resources, error_code, error_message, source_ip
FROM unique_calls
WHERE denied
  AND verdict = 'explained'
  AND purpose IN ('grant', 'reads', 'call')
