-- Calls in the last 30 days by day, account, service and operation, with denied and failed calls and bypasses
SELECT dt AS day, account, service, operation, COUNT(*) AS calls, COUNT(CASE WHEN denied THEN 1 END) AS denied,
       COUNT(CASE WHEN error_code <> '' AND NOT denied THEN 1 END) AS failed,
       COUNT(CASE WHEN verdict = 'bypass' THEN 1 END) AS bypasses,
       COUNT(CASE WHEN verdict = 'beyond_grant' THEN 1 END) AS beyond_grant, COUNT(DISTINCT source_identity) AS principals
FROM unique_calls
WHERE (purpose IN ('grant', 'reads', 'call') OR verdict = 'bypass')
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
GROUP BY dt, account, service, operation
ORDER BY day DESC, account, calls DESC, service, operation
