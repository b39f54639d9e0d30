-- What people decided about grants: votes, broken glasses and what was said of these later; refused attempts, too
SELECT dt, time, event, outcome, code,
       CASE WHEN grant_id = '' THEN COALESCE(json_extract_scalar(detail, '$.grant'), '') ELSE grant_id END AS grant_id,
       COALESCE(json_extract_scalar(detail, '$.by'), principal) AS person,
       COALESCE(json_extract_scalar(detail, '$.comment'), json_extract_scalar(detail, '$.reason'), '') AS said,
       COALESCE(json_extract_scalar(detail, '$.via'), '') AS via,
       detail LIKE '%"stands_in":[{%' AS stands_in,
       CASE WHEN grant_id = '' THEN '' ELSE principal END AS principal,
       CASE WHEN grant_id = '' THEN '' ELSE human END AS human,
       target, account, actions, resources, duration_seconds, source_ip, detail
FROM records_once
WHERE event IN ('vote', 'break_glass', 'follow_up')
