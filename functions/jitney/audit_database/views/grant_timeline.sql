-- Records of grants and of their calls through the gateway, and all calls in their names, as one list of events
SELECT dt, grant_id, time, CASE event WHEN 'call' THEN 'gateway' ELSE 'record' END AS kind,
       COALESCE(json_extract_scalar(detail, '$.call.service') || ':' || json_extract_scalar(detail, '$.call.operation'),
                event) AS activity, outcome, code,
       COALESCE(json_extract_scalar(detail, '$.by'), '') AS person,
       principal, human, target, account, actions, resources, reason, source_ip, seq, detail, grants_access
FROM unique_records
WHERE grant_id <> ''
UNION ALL
SELECT dt, grant_id, time, 'call' AS kind, service || ':' || operation AS activity,
       CASE WHEN verdict <> 'explained' THEN verdict WHEN denied THEN 'denied' WHEN error_code <> '' THEN 'failed'
            ELSE 'done' END AS outcome,
       error_code AS code,
       CASE WHEN verdict = 'explained' AND purpose NOT IN ('grant', 'reads', 'call') THEN 'jitney' ELSE '' END
           AS person,
       source_identity AS principal, human, target, account, actions, resources, '' AS reason, source_ip,
       CAST(NULL AS INTEGER) AS seq, request AS detail, FALSE AS grants_access
FROM unique_calls
WHERE grant_id <> ''
