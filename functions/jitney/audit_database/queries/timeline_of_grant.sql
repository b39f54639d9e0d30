-- Records and calls of one grant in the last 90 days, in order of time
-- grant: the grant's id
SELECT time, kind, activity, outcome, code, person, CAST(actions AS JSON) AS actions,
       CAST(resources AS JSON) AS resources, reason, source_ip, detail
FROM grant_timeline
WHERE grant_id = ?
  AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY time, kind DESC, seq
