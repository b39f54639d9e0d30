-- The calls of the last 7 days as OCSF events (API Activity), one JSON text each, for a SIEM
SELECT event
FROM ocsf_api_activity
WHERE dt >= CAST(CAST(current_date - INTERVAL '7' DAY AS DATE) AS VARCHAR)
ORDER BY time, event_id
