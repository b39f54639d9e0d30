-- Grants of a resource or of a path below it that were open in the last 30 days, with the start and end of each
-- arn: the resource's ARN, such as arn:aws:s3:::reports/2026/a.csv
SELECT named.began_at, named.ended_at, named.ending, named.denied_at, named.expires_at, named.principal, named.human,
       named.grant_id, named.target, named.way, CAST(named.actions AS JSON) AS actions, named.resource
FROM (
    SELECT opened.began_at, opened.ending, opened.denied_at, opened.expires_at, opened.principal, opened.human,
           opened.grant_id, opened.target, opened.way, opened.actions, listed.resource,
           CASE WHEN opened.ended_early_at < opened.expires_at THEN opened.ended_early_at
                ELSE opened.expires_at END AS ended_at,
           -- Credentials work until AWS denies them, which may be later than the end of the grant.
           CASE WHEN opened.denied_at < opened.expires_at THEN opened.denied_at ELSE opened.expires_at END
               AS worked_until,
           REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(listed.resource, '!', '!!'), '%', '!%'), '_', '!_'), '*', '%'),
                   '?', '_')
           -- AWS returns all parameters below the path of this action.
           || CASE WHEN listed.resource NOT LIKE 'arn:%:ssm:%:parameter/%'
                     OR NOT any_match(opened.actions, action -> 'ssm:getparametersbypath'
                                          LIKE REPLACE(REPLACE(LOWER(action), '*', '%'), '?', '_')) THEN ''
                   WHEN listed.resource LIKE '%/' THEN '%' ELSE '/%' END AS pattern
    FROM (
        SELECT grant_id, MIN(CASE WHEN allows THEN time END) AS began_at,
               MIN(CASE WHEN event IN ('release', 'revocation', 'use', 'issue') AND ends_access
                        THEN COALESCE(json_extract_scalar(detail, '$.ended_at'), time) END) AS ended_early_at,
               MAX_BY(CASE event WHEN 'use' THEN 'used' ELSE outcome END,
                      CASE WHEN ends_access THEN 0 - seq END) AS ending,
               MIN(CASE WHEN event = 'deny_entry' AND outcome = 'set'
                        THEN COALESCE(json_extract_scalar(detail, '$.written_at'), time)
                        WHEN event = 'canary' AND outcome = 'denied' THEN time END) AS denied_at,
               MAX_BY(expires_at, CASE WHEN expires_at <> '' THEN seq END) AS expires_at,
               MAX_BY(actions, CASE WHEN allows THEN seq END) AS actions,
               MAX_BY(resources, CASE WHEN allows THEN seq END) AS resources,
               MAX(json_extract_scalar(detail, '$.way')) AS way, MIN(principal) AS principal, MIN(human) AS human,
               MIN(target) AS target
        FROM (
            -- The day of the event. It may be published on the next day, when the access is over.
            SELECT grant_id, SUBSTR(time, 1, 10) AS dt, time, event, outcome, detail, seq, expires_at, actions,
                   resources, principal, human, target, ends_access, grants_access AND event <> 'issue' AS allows
            FROM unique_records
            WHERE chain = grant_id
              AND CAST(CAST(current_date - INTERVAL '37' DAY AS DATE) AS VARCHAR) <= dt
        ) AS recorded
        GROUP BY grant_id
        HAVING BOOL_OR(allows AND dt >= CAST(CAST(current_date - INTERVAL '31' DAY AS DATE) AS VARCHAR))
    ) AS opened
    CROSS JOIN UNNEST(opened.resources) AS listed (resource)
) AS named
WHERE CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= named.worked_until
  AND any_match(
    -- As in who_accessed: the resource itself, or a name below it.
    sequence(1, LENGTH(named.pattern) + 1),
    place -> CASE WHEN SUBSTR(named.pattern || '/', place, 1) IN ('/', '%', '_')
                  THEN ? || '/' LIKE SUBSTR(named.pattern || '/', 1, place) ESCAPE '!' ELSE FALSE END
)
ORDER BY named.began_at, named.grant_id
