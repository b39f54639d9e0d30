-- Grants of a resource or of a path below it, and calls on them, in the last 30 days, including bypasses
-- arn: the resource's ARN, such as arn:aws:s3:::reports/2026/a.csv
SELECT named.time, named.access_type, named.activity, named.outcome, named.principal, named.human, named.grant_id,
       named.target, named.resource
FROM (
    SELECT reached.time, reached.access_type, reached.activity, reached.outcome, reached.principal, reached.human,
           reached.grant_id, reached.target, listed.resource,
           REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(listed.resource, '!', '!!'), '%', '!%'), '_', '!_'), '*', '%'),
                   '?', '_')
           -- AWS returns all parameters below the path of this action.
           || CASE WHEN listed.resource NOT LIKE 'arn:%:ssm:%:parameter/%'
                     OR NOT any_match(reached.actions, action -> 'ssm:getparametersbypath'
                                          LIKE REPLACE(REPLACE(LOWER(action), '*', '%'), '?', '_')) THEN ''
                   WHEN listed.resource LIKE '%/' THEN '%' ELSE '/%' END AS pattern
    FROM (
        SELECT time, CASE kind WHEN 'record' THEN 'granted' WHEN 'gateway' THEN 'gateway' ELSE 'called' END
                   AS access_type, activity, outcome, principal, human, grant_id, target, resources,
               actions
        FROM grant_timeline
        WHERE (kind = 'gateway' OR (kind = 'call' AND outcome NOT IN ('bypass', 'unrecorded')) OR grants_access)
          AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
        UNION ALL
        SELECT time, 'bypass' AS access_type, service || ':' || operation AS activity, error_code AS outcome,
               source_identity AS principal, '' AS human, grant_id, target, resources, actions
        FROM bypasses
        WHERE dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    ) AS reached
    CROSS JOIN UNNEST(reached.resources) AS listed (resource)
    WHERE NOT (reached.access_type = 'gateway' AND reached.activity = 'sts:GetCallerIdentity') -- is about no resource
) AS named
WHERE any_match(
    -- A name below the resource starts with the resource and a slash. A pattern can match such a name if a prefix of
    -- the pattern that ends in a slash or wildcard matches that start. The slash appended to both also covers an exact
    -- match, so the parameter occurs only once.
    sequence(1, LENGTH(named.pattern) + 1),
    place -> CASE WHEN SUBSTR(named.pattern || '/', place, 1) IN ('/', '%', '_')
                  THEN ? || '/' LIKE SUBSTR(named.pattern || '/', 1, place) ESCAPE '!' ELSE FALSE END
)
ORDER BY named.time DESC
