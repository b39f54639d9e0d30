-- Suspensions of the last 90 days: who suspended or lifted what and why, and what each step ended and when
SELECT time, json_extract_scalar(detail, '$.suspension') AS suspension_id,
       json_extract_scalar(detail, '$.kind') || ' ' || json_extract_scalar(detail, '$.name') AS suspended,
       outcome, code, principal AS operator, reason,
       CAST(json_extract_scalar(detail, '$.grants_ended') AS BIGINT) AS grants_ended,
       CAST(json_extract_scalar(detail, '$.written_after_milliseconds') AS BIGINT) AS written_after_milliseconds,
       CAST(json_extract_scalar(detail, '$.denied_after_milliseconds') AS BIGINT) AS denied_after_milliseconds
FROM unique_records
WHERE event = 'suspension'
  AND outcome <> 'refused'
  AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC, outcome
