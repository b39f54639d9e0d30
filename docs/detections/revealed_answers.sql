-- Gateway calls since yesterday in grants with reveal: their answers do not mask sensitive values
SELECT MIN(called.time) AS time, called.chain AS call_id, MIN(called.grant_id) AS grant_id,
       MIN(called.principal) AS principal, MIN(called.human) AS human, MIN(called.target) AS target,
       MIN(json_extract_scalar(called.detail, '$.call.service') || ':'
           || json_extract_scalar(called.detail, '$.call.operation')) AS activity,
       CAST(MAX_BY(called.resources, called.seq) AS JSON) AS resources
FROM unique_records AS called
JOIN (
    SELECT DISTINCT grant_id
    FROM unique_records
    WHERE event = 'request'
      AND json_extract_scalar(detail, '$.reveal') = 'true'
      AND dt >= CAST(CAST(current_date - INTERVAL '15' DAY AS DATE) AS VARCHAR)
) AS revealing
  ON revealing.grant_id = called.grant_id
WHERE called.event = 'call'
  AND called.outcome IN ('sent', 'answered')
  AND called.dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
GROUP BY called.chain
ORDER BY time DESC
