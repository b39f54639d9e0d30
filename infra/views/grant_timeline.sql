-- Records of grants and the calls that grants explain, as one list of events
SELECT dt, grant_id, time, 'record' AS kind, event AS activity, outcome, code,
       COALESCE(json_extract_scalar(detail, '$.by'), '') AS person,
       principal, human, target, account, actions, resources, reason, source_ip, seq, detail
FROM unique_records
WHERE grant_id <> ''
UNION ALL
SELECT dt, grant_id, time, 'call' AS kind, service || ':' || operation AS activity,
       CASE WHEN denied THEN 'denied' WHEN error_code <> '' THEN 'failed' ELSE 'done' END AS outcome,
       error_code AS code, CASE purpose WHEN 'grant' THEN '' ELSE 'jitney' END AS person,
       source_identity AS principal, human, target, account, actions, resources, '' AS reason, source_ip,
       CAST(NULL AS INTEGER) AS seq, request AS detail
FROM unique_calls
WHERE verdict = 'explained'
  AND grant_id <> ''
