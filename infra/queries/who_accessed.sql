-- Who was granted a resource, or called on it or below it where events name it, in the last 30 days; bypasses, too
-- arn: the resource's ARN, such as arn:aws:s3:::reports/2026/a.csv
SELECT named.time, named.how, named.what, named.outcome, named.principal, named.human, named.grant_id, named.target,
       named.resource
FROM (
    SELECT reached.time, reached.how, reached.what, reached.outcome, reached.principal, reached.human,
           reached.grant_id, reached.target, listed.resource,
           REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(listed.resource, '!', '!!'), '%', '!%'), '_', '!_'), '*', '%'),
                   '?', '_') AS pattern
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
) AS named
WHERE any_match(
    -- Names below the resource begin with it and a slash: a pattern matches some of them if as much of the pattern as
    -- ends with a slash or a wildcard matches that beginning, whatever comes after. With a slash after both, so does
    -- the whole pattern where it matches the resource: the parameter stands here once.
    sequence(1, LENGTH(named.pattern) + 1),
    place -> CASE WHEN SUBSTR(named.pattern || '/', place, 1) IN ('/', '%', '_')
                  THEN ? || '/' LIKE SUBSTR(named.pattern || '/', 1, place) ESCAPE '!' ELSE FALSE END
)
ORDER BY named.time DESC
