-- Each granted action of the last 30 days, per grant, with its number of calls, and calls beyond the grant
SELECT grant_id, principal, human, target, action, granted, calls, failed
FROM (
    SELECT allowed.grant_id, allowed.principal, allowed.human, allowed.target, allowed.action, TRUE AS granted,
           CAST(COALESCE(SUM(used.calls), 0) AS BIGINT) AS calls,
           CAST(COALESCE(SUM(used.failed), 0) AS BIGINT) AS failed
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
    UNION ALL
    SELECT grant_id, MIN(source_identity) AS principal, MIN(human) AS human, MIN(target) AS target, action,
           FALSE AS granted, COUNT(*) AS calls, CAST(0 AS BIGINT) AS failed
    FROM unique_calls CROSS JOIN UNNEST(actions) AS listed (action)
    WHERE verdict = 'beyond_grant'
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    GROUP BY grant_id, action
) AS counted
ORDER BY grant_id, granted DESC, action
