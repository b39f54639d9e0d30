-- Each action of each grant of the last 30 days, and how often it was called: what was never used can be left out
WITH granted AS (
    SELECT DISTINCT grant_id, principal, target, action
    FROM records CROSS JOIN UNNEST(actions) AS listed (action)
    WHERE grant_id <> ''
      AND event IN ('request', 'issue')
      AND outcome = 'allowed'
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
), used AS (
    SELECT grant_id, LOWER(action) AS name, COUNT(DISTINCT event_id) AS calls,
           COUNT(DISTINCT CASE WHEN error_code <> '' THEN event_id END) AS failed
    FROM calls CROSS JOIN UNNEST(actions) AS listed (action)
    WHERE verdict = 'explained'
      AND purpose = 'grant'
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    GROUP BY grant_id, LOWER(action)
)
SELECT granted.grant_id, principal, target, action, COALESCE(used.calls, 0) AS calls, COALESCE(used.failed, 0) AS failed
FROM granted
LEFT JOIN used ON used.grant_id = granted.grant_id AND used.name = LOWER(granted.action)
ORDER BY granted.grant_id, action
