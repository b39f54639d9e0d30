-- Approvals and break-glass since yesterday, up to 30 minutes after a configuration was first used, or under another
-- configuration than the request
SELECT voted.time, voted.event, json_extract_scalar(voted.detail, '$.by') AS person, voted.grant_id, voted.principal,
       voted.target, requested.configuration AS requested_under, voted.configuration AS approved_under, used.first_used
FROM unique_records AS voted
JOIN (
    SELECT configuration, MIN(time) AS first_used
    FROM unique_records
    WHERE configuration <> ''
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    GROUP BY configuration
) AS used
  ON used.configuration = voted.configuration
LEFT JOIN unique_records AS requested
  ON requested.grant_id = voted.grant_id
 AND requested.event = 'request'
 AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= requested.dt
WHERE voted.event IN ('vote', 'break_glass')
  AND voted.outcome = 'approved'
  AND voted.dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
  AND (requested.configuration <> voted.configuration
       OR DATE_DIFF('second', CAST(REPLACE(SUBSTR(used.first_used, 1, 19), 'T', ' ') AS TIMESTAMP),
                    CAST(REPLACE(SUBSTR(voted.time, 1, 19), 'T', ' ') AS TIMESTAMP)) <= 1800)
ORDER BY voted.time DESC
