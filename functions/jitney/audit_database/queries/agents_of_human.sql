-- What one human's agents requested and did in the last 30 days, including denials, refusals and bypasses
-- human: the person's source identity, such as corp.alice
SELECT time, principal, grant_id, kind, activity, outcome, code, times, verdict, CAST(reasons AS JSON) AS reasons,
       person, target, account, CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources, reason
FROM (
    SELECT time, principal, human, grant_id, CASE event WHEN 'call' THEN 'gateway' ELSE 'record' END AS kind,
           COALESCE(json_extract_scalar(detail, '$.call.service') || ':'
                    || json_extract_scalar(detail, '$.call.operation'), event) AS activity, outcome, code,
           "count" AS times,
           '' AS verdict, NULL AS reasons, COALESCE(json_extract_scalar(detail, '$.by'), '') AS person, target, account,
           actions, resources, reason, seq
    FROM unique_records
    WHERE dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    UNION ALL
    SELECT time, source_identity AS principal, human, grant_id, 'call' AS kind, service || ':' || operation AS activity,
           CASE WHEN denied THEN 'denied' WHEN error_code <> '' THEN 'failed' ELSE 'done' END AS outcome,
           error_code AS code, 1 AS times, verdict, reasons,
           CASE WHEN verdict = 'explained' AND purpose NOT IN ('grant', 'reads', 'call') THEN 'jitney' ELSE '' END
               AS person, target, account, actions, resources, '' AS reason, CAST(NULL AS INTEGER) AS seq
    FROM unique_calls
    WHERE dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
) AS happened
WHERE human = ?
ORDER BY time, kind DESC, seq
