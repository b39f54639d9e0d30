-- Grants of the last 30 days without a call on record: they were not used, or CloudTrail did not show it
SELECT grant_id, MIN(principal) AS principal, MIN(human) AS human, MIN(target) AS target,
       MIN(CASE WHEN granted THEN dt END) AS day, COUNT(DISTINCT CASE WHEN granted THEN action END) AS actions
FROM used_versus_granted
WHERE CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= dt
GROUP BY grant_id
HAVING BOOL_OR(granted AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR))
   AND SUM(calls) = 0
ORDER BY day DESC, grant_id
