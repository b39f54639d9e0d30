-- What grants of the last 90 days made and did not take away again: users, keys, roles, functions, policies, buckets
SELECT MAX_BY(grant_id, time) AS grant_id, MAX_BY(principal, time) AS principal, MAX_BY(human, time) AS human,
       MAX_BY(target, time) AS target, account, thing, MAX(time) AS made_at
FROM left_behind
WHERE dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
GROUP BY account, thing
HAVING MAX_BY(state, time) = 'made'
ORDER BY made_at DESC
