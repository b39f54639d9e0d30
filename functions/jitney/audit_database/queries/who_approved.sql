-- Who approved or rejected which request in the last 30 days, after how many seconds, and what each vote changed
SELECT voted.time, voted.person, voted.on_behalf_of, voted.outcome,
       DATE_DIFF('second', CAST(REPLACE(SUBSTR(requested.time, 1, 19), 'T', ' ') AS TIMESTAMP),
                 CAST(REPLACE(SUBSTR(voted.time, 1, 19), 'T', ' ') AS TIMESTAMP)) AS seconds,
       COALESCE(json_extract_scalar(voted.detail, '$.state'), '') AS state, voted.code,
       voted.outcome = 'approved'
       AND (json_format(json_extract(voted.detail, '$.permissions')) <> requested.permissions
            OR voted.duration_seconds < requested.duration_seconds) AS narrowed,
       COALESCE(json_extract_scalar(voted.detail, '$.this_time_only'), '') = 'true' AS this_time_only,
       voted.grant_id, COALESCE(requested.requester, voted.principal) AS requester,
       COALESCE(requested.human_name, voted.human) AS human_name, voted.principal, voted.human,
       voted.target, CAST(voted.actions AS JSON) AS actions,
       CAST(voted.resources AS JSON) AS resources, voted.duration_seconds, voted.comment, voted.via
FROM review_decisions AS voted
LEFT JOIN (
    SELECT grant_id, MIN(time) AS time, MAX(json_extract_scalar(detail, '$.requester.name')) AS requester,
           MAX(json_extract_scalar(detail, '$.requester.human_name')) AS human_name,
           MAX(json_format(json_extract(detail, '$.permissions'))) AS permissions,
           MAX(duration_seconds) AS duration_seconds
    FROM unique_records
    WHERE event = 'request'
      AND outcome = 'review'
      AND dt >= CAST(CAST(current_date - INTERVAL '37' DAY AS DATE) AS VARCHAR)
    GROUP BY grant_id
) AS requested
  ON requested.grant_id = voted.grant_id
WHERE voted.event = 'vote'
  AND voted.outcome <> 'refused'
  AND voted.dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY voted.time DESC
