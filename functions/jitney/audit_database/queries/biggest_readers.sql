-- Principals by bytes read in the last 30 days, per target and service, also through the gateway
SELECT principal, human, target, service, CAST(SUM(bytes_out) AS BIGINT) AS bytes_read,
       CAST(MAX(bytes_out) AS BIGINT) AS max_bytes_per_call, COUNT(*) AS calls, COUNT(DISTINCT grant_id) AS grants
FROM (
    SELECT source_identity AS principal, human, target, service, bytes_out, grant_id
    FROM unique_calls
    -- The records of calls through the gateway have their bytes, except if Jitney did not see the answer.
    WHERE (purpose NOT IN ('reads', 'call') OR verdict <> 'explained' OR record_match IN ('answer_lost', 'ticket'))
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    UNION ALL
    SELECT principal, human, target, json_extract_scalar(detail, '$.call.service') AS service,
           CAST(json_extract_scalar(detail, '$.call.bytes_out') AS BIGINT) AS bytes_out, grant_id
    FROM (
        -- A day may be published again.
        SELECT DISTINCT chain, seq, hash, principal, human, target, detail, grant_id
        FROM unique_records
        WHERE event = 'call'
          AND outcome = 'answered'
          AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    ) AS answered
) AS read
WHERE bytes_out > 0
GROUP BY principal, human, target, service
ORDER BY bytes_read DESC
