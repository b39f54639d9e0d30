-- Who used break-glass access in the last 90 days, why, and the follow-up review, if there was one
SELECT broke.time, broke.grant_id, broke.person AS break_glass_by, broke.principal, broke.human, broke.target,
       CAST(broke.actions AS JSON) AS actions, CAST(broke.resources AS JSON) AS resources, broke.duration_seconds,
       broke.comment AS reason, json_extract_scalar(broke.detail, '$.follow_up_due_at') AS follow_up_due_at,
       later.time AS followed_up_at, later.person AS followed_up_by, later.outcome AS judgement, later.comment AS comment
FROM approvals AS broke
LEFT JOIN approvals AS later
  ON later.grant_id = broke.grant_id
 AND later.event = 'follow_up'
 AND later.outcome IN ('confirmed', 'objected')
 AND CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= later.dt
WHERE broke.event = 'break_glass'
  AND broke.outcome = 'approved'
  AND broke.dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY broke.time DESC
