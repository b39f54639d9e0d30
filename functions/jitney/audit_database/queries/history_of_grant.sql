-- The record chain of one grant in the last 90 days, in order
-- grant: the grant's id
SELECT seq, time, event, outcome, code, principal, human, source_ip, detail, prev, hash
FROM unique_records
WHERE chain = ?
  AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY seq
