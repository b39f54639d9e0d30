-- Principals by bytes read in the last 30 days, per target and service
SELECT source_identity AS principal, human, target, service, CAST(SUM(bytes_out) AS BIGINT) AS bytes_read,
       CAST(MAX(bytes_out) AS BIGINT) AS max_bytes_per_call, COUNT(*) AS calls, COUNT(DISTINCT grant_id) AS grants
FROM unique_calls
WHERE bytes_out > 0
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
GROUP BY source_identity, human, target, service
ORDER BY bytes_read DESC
