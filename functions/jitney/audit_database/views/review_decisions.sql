-- Decisions of people on grants: votes, break-glass uses and follow-up reviews, including refused attempts
SELECT dt, time, event, outcome, code,
       CASE WHEN grant_id = '' THEN COALESCE(json_extract_scalar(detail, '$.grant'), '') ELSE grant_id END AS grant_id,
       COALESCE(json_extract_scalar(detail, '$.by'), principal) AS person,
       COALESCE(json_extract_scalar(detail, '$.comment'), json_extract_scalar(detail, '$.reason'), '') AS comment,
       COALESCE(json_extract_scalar(detail, '$.via'), '') AS via,
       COALESCE(json_extract_scalar(detail, '$.delegations[0].delegator'), '')
       || COALESCE(' and ' || json_extract_scalar(detail, '$.delegations[1].delegator'), '')
       || CASE WHEN json_extract_scalar(detail, '$.delegations[2].delegator') IS NULL THEN '' ELSE ' and others' END
           AS on_behalf_of,
       CASE WHEN grant_id = '' THEN '' ELSE principal END AS principal,
       CASE WHEN grant_id = '' THEN '' ELSE human END AS human,
       target, account, actions, resources, duration_seconds, source_ip, detail
FROM unique_records
WHERE event IN ('vote', 'break_glass', 'follow_up')
