-- Who asked for what, when, what policy answered and what came of it, in the last 30 days
SELECT asked.time, asked.principal, asked.human, asked.target, CAST(asked.actions AS JSON) AS actions,
       CAST(asked.resources AS JSON) AS resources, asked.duration_seconds, asked.reason, asked.ticket, asked.outcome,
       asked.code, COALESCE(later.result, asked.outcome) AS result, asked.grant_id
FROM unique_records AS asked
LEFT JOIN (
    SELECT grant_id,
           MAX_BY(CASE event WHEN 'issue' THEN CASE outcome WHEN 'allowed' THEN 'issued' ELSE outcome END
                             ELSE outcome END, seq) AS result
    FROM unique_records
    WHERE grant_id <> ''
      AND (event IN ('vote', 'break_glass', 'review', 'release', 'revocation', 'expiry')
           OR (event = 'issue' AND (outcome = 'allowed' OR code IN ('issue_refused', 'policy_too_large'))))
      AND outcome <> 'refused'
      AND (event <> 'vote' OR COALESCE(json_extract_scalar(detail, '$.state'), '') <> 'pending')
      AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= dt
    GROUP BY grant_id
) AS later
  ON later.grant_id = asked.grant_id
WHERE asked.event = 'request'
  AND asked.dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY asked.time DESC
