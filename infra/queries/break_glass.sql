-- Who broke the glass in the last 90 days, why, and what somebody else said of it afterwards, if anybody did
SELECT broke.time, broke.grant_id, broke.person AS broken_by, broke.principal, broke.human, broke.target,
       CAST(broke.actions AS JSON) AS actions, CAST(broke.resources AS JSON) AS resources, broke.duration_seconds,
       broke.said AS reason, json_extract_scalar(broke.detail, '$.follow_up_until') AS follow_up_until,
       later.time AS followed_up_at, later.person AS followed_up_by, later.outcome AS judgement, later.said AS comment
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
