-- All records of one principal's grants in the last 90 days
-- principal: the agent's source identity, such as corp.reader-agent
SELECT time, grant_id, human, seq, event, outcome, code, target, CAST(actions AS JSON) AS actions,
       CAST(resources AS JSON) AS resources, expires_at, reason
FROM unique_records
WHERE principal = ?
  AND grant_id <> ''
  AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
ORDER BY grant_id, seq
