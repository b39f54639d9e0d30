-- Suspensions of the last 90 days: who suspended or lifted what and why, and what each step denied and ended
SELECT step.time, step.suspension_id,
       json_extract_scalar(step.detail, '$.kind') || ' ' || json_extract_scalar(step.detail, '$.name') AS suspended,
       step.outcome, step.code, step.principal AS operator, step.reason,
       CAST(json_extract_scalar(step.detail, '$.grants_ended') AS BIGINT) AS grants_ended,
       json_extract(step.detail, '$.targets_denied') AS targets_denied,
       json_extract(step.detail, '$.targets_failed') AS targets_failed,
       CAST(json_extract_scalar(step.detail, '$.written_after_milliseconds') AS BIGINT) AS written_after_milliseconds,
       CASE WHEN step.outcome IN ('revoked', 'failed') THEN measured.denied_after_milliseconds END
           AS denied_after_milliseconds
FROM (
    SELECT time, detail, outcome, code, principal, reason, json_extract_scalar(detail, '$.suspension') AS suspension_id
    FROM unique_records
    WHERE event = 'suspension'
      AND outcome <> 'refused'
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
) AS step
LEFT JOIN (
    SELECT json_extract_scalar(detail, '$.suspension') AS suspension_id,
           CASE WHEN COUNT(*) = COUNT(json_extract_scalar(detail, '$.denied_after_milliseconds'))
                THEN MAX(CAST(json_extract_scalar(detail, '$.denied_after_milliseconds') AS BIGINT)) END
               AS denied_after_milliseconds
    FROM unique_records
    WHERE event = 'canary'
      AND json_extract_scalar(detail, '$.suspension') IS NOT NULL
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    GROUP BY json_extract_scalar(detail, '$.suspension')
) AS measured
  ON measured.suspension_id = step.suspension_id
ORDER BY step.time DESC, step.outcome
