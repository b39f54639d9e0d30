-- The whole story of one grant of the last 90 days: its records, and every call that it explains, as they happened
-- grant: the grant's id
SELECT time, kind, what, outcome, code, person, CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources,
       reason, source_ip, detail
FROM grant_timeline
WHERE grant_id = ?
  AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY time, kind DESC, seq
