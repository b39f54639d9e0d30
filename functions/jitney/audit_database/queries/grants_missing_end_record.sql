-- Grants that became active in the last 30 days, expired before today, and have no record of their end
SELECT grant_id, MIN(principal) AS principal, MIN(target) AS target,
       MIN(CASE WHEN grants_access THEN time END) AS issued_at, MAX_BY(expires_at, seq) AS expires_at
FROM unique_records
WHERE chain = grant_id
  AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= dt
GROUP BY grant_id
HAVING BOOL_OR(grants_access AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR))
   AND NOT BOOL_OR(ends_access)
   AND MAX_BY(expires_at, seq) < CAST(current_date AS VARCHAR)
ORDER BY issued_at
