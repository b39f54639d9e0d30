-- Approvals and break-glass since yesterday, up to 30 minutes after the use of another configuration, or under another
-- configuration than the request
SELECT voted.time, voted.event, json_extract_scalar(voted.detail, '$.by') AS person, voted.grant_id, voted.principal,
       voted.target, requested.configuration AS requested_under, voted.configuration AS approved_under,
       MAX(used.time) AS used_since
FROM unique_records AS voted
JOIN (
    SELECT configuration, time, LAG(configuration) OVER (ORDER BY time) AS before
    FROM unique_records
    WHERE configuration <> ''
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
) AS used
  ON used.configuration = voted.configuration
 AND used.time <= voted.time
 AND COALESCE(used.before, '') <> used.configuration
LEFT JOIN unique_records AS requested
  ON requested.grant_id = voted.grant_id
 AND requested.event = 'request'
 AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= requested.dt
WHERE voted.event IN ('vote', 'break_glass')
  AND voted.outcome = 'approved'
  AND voted.dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
GROUP BY voted.time, voted.event, voted.detail, voted.grant_id, voted.principal, voted.target,
         requested.configuration, voted.configuration
HAVING requested.configuration <> voted.configuration
    OR DATE_DIFF('second', CAST(REPLACE(SUBSTR(MAX(used.time), 1, 19), 'T', ' ') AS TIMESTAMP),
                 CAST(REPLACE(SUBSTR(voted.time, 1, 19), 'T', ' ') AS TIMESTAMP)) <= 1800
ORDER BY voted.time DESC
