-- Calls with targets' roles in the last 30 days that no grant or gateway record explains, with the reasons
SELECT time, target, account, session, source_identity, access_key_id, service, operation,
       CAST(resources AS JSON) AS resources, CAST(reasons AS JSON) AS reasons, error_code, source_ip, event_id
FROM bypasses
WHERE dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
