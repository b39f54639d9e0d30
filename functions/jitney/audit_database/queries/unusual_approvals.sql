-- Decisions of the last 30 days to check: own requests, refusals, delegates, escalations, rejections, break-glass
SELECT decided.time, decided.person, decided.event, decided.outcome,
       CASE WHEN decided.outcome = 'refused' THEN 'refused (' || decided.code || '). ' ELSE '' END
       || CASE WHEN decided.person IN (decided.principal, decided.human, requested.principal, requested.human)
               THEN 'By the requester. ' ELSE '' END
       || CASE WHEN REPLACE(requested.owners, '"' || decided.person || '"', '') <> requested.owners
               THEN 'By an owner of the agent. ' ELSE '' END
       || CASE WHEN decided.event = 'break_glass' THEN 'Break-glass. ' ELSE '' END
       || CASE WHEN decided.as_delegate
               THEN 'As a delegate' || COALESCE(' of ' || json_extract_scalar(decided.detail, '$.delegations[0].delegator'),
                                                '')
                    || CASE WHEN json_extract_scalar(decided.detail, '$.delegations[1].delegator') IS NULL
                            THEN '. ' ELSE ' and others. ' END
               ELSE '' END
       || CASE WHEN escalated.grant_id IS NOT NULL THEN 'After escalation. ' ELSE '' END
       || CASE WHEN requested.rejected_by IS NOT NULL
               THEN 'After a rejection by ' || requested.rejected_by || ' in grant ' || requested.rejected || '. '
               ELSE '' END AS why,
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
WHERE decided.dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
  AND (decided.outcome = 'refused'
       OR decided.person IN (decided.principal, decided.human)
       OR REPLACE(requested.owners, '"' || decided.person || '"', '') <> requested.owners
       OR decided.event = 'break_glass'
       OR decided.as_delegate
       OR escalated.grant_id IS NOT NULL
       OR (requested.rejected_by IS NOT NULL AND decided.outcome = 'approved'))
ORDER BY decided.time DESC
