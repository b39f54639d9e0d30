-- What grants of the last 90 days made and did not take away again: users, keys, roles, functions, policies, buckets
WITH made AS (
    SELECT grant_id, account, thing, MAX(time) AS made_at
    FROM calls CROSS JOIN UNNEST(made) AS listed (thing)
    WHERE dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    GROUP BY grant_id, account, thing
), taken AS (
    SELECT account, thing, MAX(time) AS taken_at
    FROM calls CROSS JOIN UNNEST(taken) AS listed (thing)
    WHERE dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    GROUP BY account, thing
)
SELECT made.grant_id, made.account, made.thing, made.made_at
FROM made
LEFT JOIN taken ON taken.account = made.account AND taken.thing = made.thing AND taken.taken_at >= made.made_at
WHERE taken.thing IS NULL
ORDER BY made.made_at DESC
