-- Times of the last 90 days in which CloudTrail was silent, per target: calls of these times may be missing
SELECT gap.since, COALESCE(gap.until, '') AS until,
       DATE_DIFF('minute', TRY_CAST(REPLACE(SUBSTR(gap.since, 1, 19), 'T', ' ') AS TIMESTAMP),
                 TRY_CAST(REPLACE(SUBSTR(gap.until, 1, 19), 'T', ' ') AS TIMESTAMP)) AS minutes,
       CASE WHEN gap.target = '' THEN 'Jitney''s own account' ELSE gap.target END AS target, gap.account
FROM (
    SELECT chain, MIN(json_extract_scalar(detail, '$.since')) AS since,
           MAX(json_extract_scalar(detail, '$.until')) AS until, MIN(target) AS target, MIN(account) AS account
    FROM unique_records
    WHERE event = 'trail_gap'
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    GROUP BY chain
) AS gap
ORDER BY gap.since DESC, target
