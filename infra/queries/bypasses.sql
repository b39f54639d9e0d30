-- Calls on targets' roles in the last 30 days that no grant explains, and why not: somebody went around Jitney
SELECT DISTINCT time, target, account, session, source_identity, access_key_id, service, operation, resources, reasons,
       error_code, source_ip, event_id
FROM calls
WHERE verdict = 'bypass'
  AND event_id NOT IN (SELECT event_id FROM calls WHERE verdict = 'explained' AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR))
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
