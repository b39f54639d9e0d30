-- Actions granted in the last 90 days and never called, per principal and target
SELECT allowed.principal, allowed.target, allowed.action, allowed.grants, allowed.last_granted
FROM (
    SELECT principal, target, action, COUNT(DISTINCT grant_id) AS grants, MAX(dt) AS last_granted
    FROM used_versus_granted
    WHERE granted
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    GROUP BY principal, target, action
) AS allowed
LEFT JOIN (
    SELECT principal, target, action
    FROM used_versus_granted
    WHERE calls > 0
      AND CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= dt
    GROUP BY principal, target, action
) AS used
  ON used.principal = allowed.principal
 AND used.target = allowed.target
 AND LOWER(used.action) LIKE REPLACE(REPLACE(LOWER(allowed.action), '*', '%'), '?', '_')
WHERE used.action IS NULL
ORDER BY allowed.grants DESC, allowed.principal, allowed.target, allowed.action
