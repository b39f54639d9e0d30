-- Configurations under which Jitney decided in the last 90 days, with their first and last use and their decisions
SELECT configuration, MAX(CASE WHEN event IN ('request', 'preview') THEN policy_version END) AS policy_version,
       MIN(time) AS first_used, MAX(time) AS last_used,
       COUNT(CASE WHEN event = 'request' THEN 1 END) AS requests,
       COUNT(CASE WHEN grants_access AND event <> 'issue' THEN 1 END) AS granted,
       COUNT(CASE WHEN event IN ('vote', 'break_glass', 'follow_up') THEN 1 END) AS decisions_of_people,
       COUNT(CASE WHEN event = 'call' THEN 1 END) AS call_records,
       COUNT(DISTINCT CASE WHEN grant_id <> '' THEN grant_id END) AS grants
FROM (
    -- A day may be published again.
    SELECT DISTINCT chain, seq, hash, configuration, policy_version, event, time, grants_access, grant_id
    FROM unique_records
    WHERE dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
      AND configuration <> ''
) AS decided
GROUP BY configuration
ORDER BY first_used DESC
