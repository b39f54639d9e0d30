-- Uses of break-glass access in the last 90 days, with the reason and the follow-up review
SELECT used.time, used.grant_id, used.person AS break_glass_by,
       COALESCE(requested.requester, used.principal) AS requester, used.principal, used.human, used.target,
       CAST(used.actions AS JSON) AS actions, CAST(used.resources AS JSON) AS resources, used.duration_seconds,
       used.comment AS reason, json_extract_scalar(used.detail, '$.follow_up_due_at') AS follow_up_due_at,
       followed_up.time AS followed_up_at, followed_up.person AS followed_up_by,
       followed_up.outcome AS judgement, followed_up.comment AS comment
FROM review_decisions AS used
LEFT JOIN review_decisions AS followed_up
  ON followed_up.grant_id = used.grant_id
 AND followed_up.event = 'follow_up'
 AND followed_up.outcome IN ('confirmed', 'objected')
 AND CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= followed_up.dt
LEFT JOIN (
    SELECT grant_id, MAX(json_extract_scalar(detail, '$.requester.name')) AS requester
    FROM unique_records
    WHERE event = 'request'
      AND grant_id <> ''
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    GROUP BY grant_id
) AS requested
  ON requested.grant_id = used.grant_id
WHERE used.event = 'break_glass'
  AND used.outcome = 'approved'
  AND used.dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY used.time DESC
