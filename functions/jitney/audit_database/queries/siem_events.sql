-- Calls of the last 7 days as OCSF API Activity events for a SIEM, one JSON text per row
SELECT event
FROM ocsf_api_activity
WHERE dt >= CAST(CAST(current_date - INTERVAL '7' DAY AS DATE) AS VARCHAR)
ORDER BY time, event_id
