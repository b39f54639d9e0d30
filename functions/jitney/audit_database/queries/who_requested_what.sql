-- Requests of the last 30 days with the policy decision and the final result
SELECT requested.time,
       COALESCE(json_extract_scalar(requested.detail, '$.requester.name'), requested.principal) AS requester,
       COALESCE(json_extract_scalar(requested.detail, '$.requester.human_name'), requested.human) AS human_name,
       requested.principal, requested.human, requested.target,
       CAST(requested.actions AS JSON) AS actions, CAST(requested.resources AS JSON) AS resources,
       requested.duration_seconds, requested.reason, requested.ticket, requested.outcome, requested.code,
       COALESCE(outcomes.result, requested.outcome) AS result, requested.grant_id
FROM unique_records AS requested
LEFT JOIN (
    SELECT grant_id,
           MAX_BY(CASE WHEN event = 'issue' AND outcome = 'allowed' THEN 'issued'
                       WHEN event = 'vote' AND code = 'denied' THEN 'failed'
                       ELSE outcome END, seq) AS result
    FROM unique_records
    WHERE grant_id <> ''
      AND (event IN ('vote', 'break_glass', 'review', 'release', 'revocation', 'expiry')
           OR (event = 'issue' AND (outcome = 'allowed' OR code = 'policy_too_large')))
      AND outcome <> 'refused'
      AND (event <> 'vote' OR COALESCE(json_extract_scalar(detail, '$.state'), '') <> 'pending')
      AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= dt
    GROUP BY grant_id
) AS outcomes
  ON outcomes.grant_id = requested.grant_id
WHERE requested.event = 'request'
  AND requested.dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY requested.time DESC
