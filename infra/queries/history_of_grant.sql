-- The chain of records of one grant of the last 90 days, in its order
-- grant: the grant's id
SELECT seq, time, event, outcome, code, principal, human, source_ip, detail, prev, hash
FROM unique_records
WHERE chain = ?
  AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY seq
