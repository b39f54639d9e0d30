-- Decisions of the last 30 days to check: own requests, refusals, break-glass, people out of office or suspended
SELECT decided.time, decided.person, decided.event, decided.outcome,
       RTRIM(CASE WHEN decided.outcome = 'refused' THEN 'refused (' || decided.code || '). ' ELSE '' END
       || CASE WHEN decided.person IN (decided.principal, decided.human, requested.principal, requested.human)
               THEN 'By the requester. ' ELSE '' END
       || CASE WHEN REPLACE(requested.owners, '"' || decided.person || '"', '') <> requested.owners
               THEN 'By an owner of the agent. ' ELSE '' END
       || CASE WHEN decided.event = 'break_glass' THEN 'Break-glass. ' ELSE '' END
       || CASE WHEN decided.on_behalf_of <> '' THEN 'As a delegate of ' || decided.on_behalf_of || '. ' ELSE '' END
       || CASE WHEN away.person IS NOT NULL THEN 'While out of office. ' ELSE '' END
       || CASE WHEN suspended.person IS NOT NULL THEN 'By a person suspended later. ' ELSE '' END
       || CASE WHEN escalated.grant_id IS NOT NULL THEN 'After escalation. ' ELSE '' END
       || CASE WHEN requested.rejected_by IS NOT NULL
               THEN 'After a rejection by ' || requested.rejected_by || ' in grant ' || requested.rejected || '. '
               ELSE '' END) AS why,
       decided.grant_id, COALESCE(requested.requester, decided.principal) AS requester,
       COALESCE(requested.principal, decided.principal) AS principal, COALESCE(requested.human, decided.human) AS human,
       COALESCE(requested.target, decided.target) AS target, CAST(decided.actions AS JSON) AS actions,
       decided.comment, decided.via
FROM review_decisions AS decided
LEFT JOIN (
    SELECT grant_id, MIN(time) AS time
    FROM unique_records
    WHERE event = 'notice'
      AND json_extract_scalar(detail, '$.notice') = 'escalated'
      AND dt >= CAST(CAST(current_date - INTERVAL '37' DAY AS DATE) AS VARCHAR)
    GROUP BY grant_id
) AS escalated
  ON escalated.grant_id = decided.grant_id
 AND escalated.time <= decided.time
LEFT JOIN (
    SELECT grant_id, MAX(json_extract_scalar(detail, '$.requester.name')) AS requester, MAX(principal) AS principal,
           MAX(human) AS human, MAX(target) AS target,
           MAX(json_format(json_extract(detail, '$.requester.owners'))) AS owners,
           MAX(json_extract_scalar(detail, '$.repeated.by')) AS rejected_by,
           MAX(json_extract_scalar(detail, '$.repeated.grant')) AS rejected
    FROM unique_records
    WHERE event = 'request'
      AND grant_id <> ''
      AND dt >= CAST(CAST(current_date - INTERVAL '37' DAY AS DATE) AS VARCHAR)
    GROUP BY grant_id
) AS requested
  ON requested.grant_id = decided.grant_id
LEFT JOIN (
    SELECT principal AS person, outcome, time AS set_at, LEAD(time) OVER (PARTITION BY principal ORDER BY time) AS changed,
           json_extract_scalar(detail, '$.out_of_office.from') AS starts,
           json_extract_scalar(detail, '$.out_of_office.until') AS ends
    FROM unique_records
    WHERE event = 'out_of_office'
      AND dt >= CAST(CAST(current_date - INTERVAL '37' DAY AS DATE) AS VARCHAR)
) AS away
  ON away.person = decided.person
 AND away.outcome = 'set'
 AND decided.time >= away.set_at
 AND decided.time >= away.starts
 AND decided.time < away.ends
 AND decided.time < COALESCE(away.changed, away.ends)
LEFT JOIN (
    SELECT json_extract_scalar(detail, '$.name') AS person, MAX(time) AS time
    FROM unique_records
    WHERE event = 'suspension'
      AND outcome = 'set'
      AND json_extract_scalar(detail, '$.kind') = 'human'
      AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= dt
    GROUP BY json_extract_scalar(detail, '$.name')
) AS suspended
  ON suspended.person = decided.person
 AND suspended.time >= decided.time
WHERE decided.dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
  AND (decided.outcome = 'refused'
       OR decided.person IN (decided.principal, decided.human)
       OR REPLACE(requested.owners, '"' || decided.person || '"', '') <> requested.owners
       OR decided.event = 'break_glass'
       OR decided.on_behalf_of <> ''
       OR away.person IS NOT NULL
       OR suspended.person IS NOT NULL
       OR escalated.grant_id IS NOT NULL
       OR (requested.rejected_by IS NOT NULL AND decided.outcome = 'approved'))
ORDER BY decided.time DESC
