-- Every record of one principal's grants in the last 90 days; the parameter is its source identity
SELECT time, grant_id, seq, event, outcome, code, target, actions, resources, expires_at, reason
FROM records
WHERE principal = ?
  AND grant_id <> ''
  AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY grant_id, seq
