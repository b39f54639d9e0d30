-- People who approved for a target since yesterday, and not in the 90 days before
SELECT MIN(time) AS time, person, target, COUNT(*) AS approvals, MIN(grant_id) AS grant_id
FROM review_decisions
WHERE event = 'vote'
  AND outcome = 'approved'
  AND dt >= CAST(CAST(current_date - INTERVAL '91' DAY AS DATE) AS VARCHAR)
GROUP BY person, target
HAVING MIN(dt) >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
