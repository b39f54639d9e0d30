-- Suspensions of the last 7 days that were lifted within 24 hours, and who lifted them
SELECT ended.time, json_extract_scalar(ended.detail, '$.kind') || ' ' || json_extract_scalar(ended.detail, '$.name')
           AS suspended,
       begun.time AS suspended_at, begun.principal AS suspended_by, begun.reason AS suspended_because,
       ended.principal AS lifted_by, ended.reason AS lifted_because
FROM unique_records AS ended
JOIN unique_records AS begun
  ON json_extract_scalar(begun.detail, '$.suspension') = json_extract_scalar(ended.detail, '$.suspension')
 AND begun.event = 'suspension'
 AND begun.outcome = 'set'
 AND CAST(CAST(current_date - INTERVAL '8' DAY AS DATE) AS VARCHAR) <= begun.dt
 AND DATE_DIFF('second', CAST(REPLACE(SUBSTR(begun.time, 1, 19), 'T', ' ') AS TIMESTAMP),
               CAST(REPLACE(SUBSTR(ended.time, 1, 19), 'T', ' ') AS TIMESTAMP)) < 86400
WHERE ended.event = 'suspension'
  AND ended.outcome = 'ended'
  AND ended.dt >= CAST(CAST(current_date - INTERVAL '7' DAY AS DATE) AS VARCHAR)
ORDER BY ended.time DESC
