-- Grants issued in the last 30 days that expired before today and have no record of their end
SELECT grant_id, MIN(principal) AS principal, MIN(target) AS target, MIN(time) AS issued_at,
       MAX(expires_at) AS expires_at
FROM unique_records
WHERE grant_id <> ''
  AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= dt
GROUP BY grant_id
HAVING BOOL_OR(event IN ('request', 'issue') AND outcome = 'allowed'
               AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR))
   AND NOT BOOL_OR(event IN ('expiry', 'release', 'revocation')
                   OR (event = 'issue' AND outcome = 'failed' AND code = 'policy_too_large'))
   AND MAX(expires_at) < CAST(current_date AS VARCHAR)
ORDER BY issued_at
