-- Refusals of the last 7 days by caller, address, event and code: broken clients and intrusion attempts
SELECT issuer, principal, human, source_ip, event, code, CAST(SUM("count") AS BIGINT) AS times,
       MIN(time) AS first_time, MAX(time) AS last_time
FROM (
    -- A day may be published again.
    SELECT DISTINCT chain, seq, hash, issuer, principal, human, source_ip, event, code, "count", time
    FROM unique_records
    WHERE outcome = 'refused' -- of any event: a refused call through the gateway has the event call
      AND dt >= CAST(CAST(current_date - INTERVAL '7' DAY AS DATE) AS VARCHAR)
) AS refused
GROUP BY issuer, principal, human, source_ip, event, code
ORDER BY times DESC, last_time DESC
