-- Who was granted access to a resource, or called on it or what is below it, in the last 30 days; bypasses, too
-- arn: the resource's ARN, such as arn:aws:s3:::reports/2026/a.csv
SELECT reached.time, reached.how, reached.what, reached.outcome, reached.principal, reached.human, reached.grant_id,
       reached.target, listed.resource
FROM (
    SELECT time, CASE WHEN kind = 'call' THEN 'called' ELSE 'granted' END AS how, what, outcome, principal, human,
           grant_id, target, resources
    FROM grant_timeline
    WHERE (kind = 'call' OR (what IN ('request', 'issue') AND outcome = 'allowed'))
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    UNION ALL
    SELECT time, 'bypass' AS how, service || ':' || operation AS what, error_code AS outcome,
           source_identity AS principal, '' AS human, grant_id, target, resources
    FROM bypasses
    WHERE dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
) AS reached
CROSS JOIN UNNEST(reached.resources) AS listed (resource)
CROSS JOIN (SELECT ? AS arn) AS asked
WHERE asked.arn LIKE
      REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(listed.resource, '!', '!!'), '%', '!%'), '_', '!_'), '*', '%'), '?', '_')
      ESCAPE '!'
   OR SUBSTR(listed.resource, 1, LENGTH(asked.arn) + 1) = asked.arn || '/'
ORDER BY reached.time DESC
