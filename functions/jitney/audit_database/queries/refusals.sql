-- Refused callers of the last 7 days by issuer, address and code: broken clients and intrusion attempts
SELECT issuer, source_ip, code, CAST(SUM("count") AS BIGINT) AS times, MIN(time) AS first_time, MAX(time) AS last_time
FROM unique_records
WHERE event = 'refusal'
  AND dt >= CAST(CAST(current_date - INTERVAL '7' DAY AS DATE) AS VARCHAR)
GROUP BY issuer, source_ip, code
ORDER BY times DESC
