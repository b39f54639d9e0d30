-- Calls since yesterday with an agent's credentials, from an address that neither requested the grant nor fetched them
SELECT called.grant_id, called.access_key_id, called.source_ip, MIN(called.time) AS time, COUNT(*) AS calls,
       COUNT(DISTINCT called.user_agent) AS user_agents, MIN(called.user_agent) AS user_agent,
       MIN(called.source_identity) AS principal, MIN(called.human) AS human, MIN(called.target) AS target
FROM unique_calls AS called
LEFT JOIN (
    SELECT DISTINCT grant_id, source_ip
    FROM unique_records
    WHERE event IN ('request', 'issue')
      AND grant_id <> ''
      AND dt >= CAST(CAST(current_date - INTERVAL '15' DAY AS DATE) AS VARCHAR)
) AS fetched
  ON fetched.grant_id = called.grant_id
 AND fetched.source_ip = called.source_ip
WHERE called.purpose = 'grant'
  AND called.invoked_by = ''
  AND NOT (called.service = 'sts'
           AND (called.operation = 'GetScopedCredentials'
                OR (called.operation = 'AssumeRole'
                    AND COALESCE(json_extract_scalar(called.request, '$.roleArn'), '') = called.role_arn)))
  AND called.dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
  AND fetched.grant_id IS NULL
GROUP BY called.grant_id, called.access_key_id, called.source_ip
ORDER BY time DESC
