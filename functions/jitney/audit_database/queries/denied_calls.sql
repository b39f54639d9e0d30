-- Calls of grants that AWS denied in the last 30 days: outside of the grant, or after its end
SELECT time, grant_id, principal, human, target, service, operation, CAST(actions AS JSON) AS actions,
       CAST(resources AS JSON) AS resources, error_code, error_message, event_id
FROM denied_calls
WHERE dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
