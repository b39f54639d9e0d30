-- What grants of the last 90 days made and did not take away again: users, keys, roles, functions, policies, buckets
SELECT MAX_BY(grant_id, made) AS grant_id, MAX_BY(principal, made) AS principal, MAX_BY(human, made) AS human,
       MAX_BY(target, made) AS target, account, thing, MAX(made) AS made_at
FROM (
    SELECT account, thing, grant_id, principal, human, target, CASE WHEN state = 'taken' THEN time END AS taken,
           CASE WHEN state = 'made'
                 AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) THEN time END AS made
    FROM resource_changes_by_day
    WHERE CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= dt
) AS lines
GROUP BY account, thing
HAVING MAX(made) > COALESCE(MAX(taken), '')
ORDER BY made_at DESC
