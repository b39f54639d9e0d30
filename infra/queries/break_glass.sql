-- Who broke the glass in the last 90 days, why, and what somebody else said of it afterwards, if anybody did
SELECT broke.time,
       broke.grant_id,
       regexp_extract(broke.detail, '"by":"([^"]*)"', 1) AS broken_by,
       broke.principal,
       broke.human,
       broke.target,
       broke.actions,
       broke.resources,
       broke.duration_seconds,
       broke.detail,
       regexp_extract(broke.detail, '"follow_up_until":"([^"]*)"', 1) AS follow_up_until,
       said.time AS followed_up_at,
       regexp_extract(said.detail, '"by":"([^"]*)"', 1) AS followed_up_by,
       said.outcome AS judgement,
       said.detail AS follow_up_detail
FROM records broke
LEFT JOIN records said
  ON said.grant_id = broke.grant_id
 AND said.event = 'follow_up'
 AND said.outcome IN ('confirmed', 'objected')
 AND said.dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
WHERE broke.event = 'break_glass'
  AND broke.outcome = 'approved'
  AND broke.dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY broke.time DESC
