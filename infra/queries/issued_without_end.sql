-- Grants of the last 30 days that were issued, were over before today, and whose end is not on record
SELECT grant_id,
       MIN(principal) AS principal,
       MIN(target) AS target,
       MIN(CAST(time AS VARCHAR)) AS issued_at,
       MAX(CAST(expires_at AS VARCHAR)) AS expires_at
FROM records
WHERE grant_id <> ''
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
GROUP BY grant_id
HAVING SUM(CASE WHEN event IN ('request', 'issue') AND outcome = 'allowed' THEN 1 ELSE 0 END) > 0
   AND SUM(CASE WHEN event IN ('expiry', 'release', 'revocation') OR outcome = 'failed' THEN 1 ELSE 0 END) = 0
   AND MAX(CAST(expires_at AS VARCHAR)) < CAST(current_date AS VARCHAR)
ORDER BY issued_at
