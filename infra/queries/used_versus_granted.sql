-- Each granted action of the last 30 days, per grant, with the number of its calls
SELECT allowed.grant_id, allowed.principal, allowed.human, allowed.target, allowed.action,
       CAST(COALESCE(SUM(used.calls), 0) AS BIGINT) AS calls, CAST(COALESCE(SUM(used.failed), 0) AS BIGINT) AS failed
FROM (
    SELECT grant_id, action, MIN(principal) AS principal, MIN(human) AS human, MIN(target) AS target
    FROM used_versus_granted
    WHERE granted
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    GROUP BY grant_id, action
) AS allowed
LEFT JOIN used_versus_granted AS used
  ON used.grant_id = allowed.grant_id
 AND used.calls > 0
 AND LOWER(used.action) LIKE REPLACE(REPLACE(LOWER(allowed.action), '*', '%'), '?', '_')
 AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= used.dt
GROUP BY allowed.grant_id, allowed.principal, allowed.human, allowed.target, allowed.action
ORDER BY allowed.grant_id, allowed.action
