-- Actions on a target that a unit requested since yesterday, and not in the 30 days before
SELECT MIN(asked.time) AS time, asked.unit, MIN(asked.principal) AS principal, asked.target, asked.action,
       MIN(asked.outcome) AS outcome, MAX(asked.grant_id) AS grant_id
FROM (
    SELECT time, unit, principal, target, action, outcome, grant_id, dt
    FROM unique_records CROSS JOIN UNNEST(actions) AS listed (action)
    WHERE event = 'request'
      AND outcome IN ('allowed', 'review', 'denied')
      AND dt >= CAST(CAST(current_date - INTERVAL '31' DAY AS DATE) AS VARCHAR)
) AS asked
GROUP BY asked.unit, asked.target, asked.action
HAVING MIN(asked.dt) >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
