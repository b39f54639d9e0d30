-- Users, keys, roles, functions and other resources created in the last 90 days and not deleted since
SELECT MAX_BY(grant_id, created) AS grant_id, MAX_BY(principal, created) AS principal, MAX_BY(human, created) AS human,
       MAX_BY(target, created) AS target, account, resource, MAX(created) AS created_at
FROM (
    SELECT account, resource, grant_id, principal, human, target,
           CASE WHEN state = 'deleted' THEN time END AS deleted,
           CASE WHEN state = 'created'
                 AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) THEN time END AS created
    FROM resource_changes_by_day
    WHERE CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= dt
) AS lines
GROUP BY account, resource
HAVING MAX(created) > COALESCE(MAX(deleted), '')
ORDER BY created_at DESC
