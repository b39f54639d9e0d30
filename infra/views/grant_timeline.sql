-- Records of grants and of their calls through the gateway, and the calls of their sessions, as one list of events
SELECT dt, grant_id, time, CASE event WHEN 'call' THEN 'gateway' ELSE 'record' END AS kind,
       COALESCE(json_extract_scalar(detail, '$.call.service') || ':' || json_extract_scalar(detail, '$.call.operation'),
                event) AS activity, outcome, code,
       COALESCE(json_extract_scalar(detail, '$.by'), '') AS person,
       principal, human, target, account, actions, resources, reason, source_ip, seq, detail
FROM unique_records
WHERE grant_id <> ''
UNION ALL
SELECT dt, grant_id, time, 'call' AS kind, service || ':' || operation AS activity,
       CASE WHEN verdict = 'beyond_grant' THEN verdict WHEN denied THEN 'denied' WHEN error_code <> '' THEN 'failed' ELSE 'done' END AS outcome,
       error_code AS code, CASE WHEN purpose IN ('grant', 'reads', 'call') THEN '' ELSE 'jitney' END AS person,
       source_identity AS principal, human, target, account, actions, resources, '' AS reason, source_ip,
       CAST(NULL AS INTEGER) AS seq, request AS detail
FROM unique_calls
WHERE verdict IN ('explained', 'beyond_grant')
  AND grant_id <> ''
