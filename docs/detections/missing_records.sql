-- Chains of the last 7 days whose numbers have a gap: a record was removed, or is late
SELECT chain, MIN(time) AS first_time, MAX(time) AS last_time, MAX(seq) - MIN(seq) + 1 - COUNT(DISTINCT seq) AS missing
FROM unique_records
WHERE dt >= CAST(CAST(current_date - INTERVAL '7' DAY AS DATE) AS VARCHAR)
GROUP BY chain
HAVING COUNT(DISTINCT seq) < MAX(seq) - MIN(seq) + 1
ORDER BY last_time DESC
