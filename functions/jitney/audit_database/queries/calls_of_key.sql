-- What one access key did in the last 90 days: its issuance, its calls, and calls through the gateway signed with it
-- key: the access key id, such as ASIAIOSFODNN7EXAMPLE
SELECT time, kind, activity, outcome, code, verdict, CAST(reasons AS JSON) AS reasons, grant_id, principal, human,
       target, account, region, CAST(resources AS JSON) AS resources, source_ip, user_agent, invoked_by, session
FROM (
    SELECT listed.key_id,
           CASE WHEN listed.key_id = issued_access_key_id OR (service = 'sts' AND operation = 'AssumeRole'
                                                              AND issued_access_key_id = '')
                THEN 'issued' ELSE 'call' END AS kind, time, service || ':' || operation AS activity,
           CASE WHEN denied THEN 'denied' WHEN error_code <> '' THEN 'failed' ELSE 'done' END AS outcome,
           error_code AS code, verdict, reasons, grant_id, source_identity AS principal, human, target, account,
           region, resources, source_ip, user_agent, invoked_by, session
    FROM unique_calls CROSS JOIN UNNEST(ARRAY[access_key_id, issued_access_key_id]) AS listed (key_id)
    WHERE dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    UNION ALL
    SELECT json_extract_scalar(detail, '$.call.access_key_id') AS key_id, 'gateway' AS kind, time,
           json_extract_scalar(detail, '$.call.service') || ':' || json_extract_scalar(detail, '$.call.operation')
               AS activity,
           outcome, code, '' AS verdict, NULL AS reasons, grant_id, principal, human, target, account,
           json_extract_scalar(detail, '$.call.region') AS region, resources, source_ip, '' AS user_agent,
           '' AS invoked_by, '' AS session
    FROM unique_records
    WHERE event = 'call'
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
) AS used
WHERE key_id = ?
ORDER BY time, CASE kind WHEN 'issued' THEN 0 WHEN 'gateway' THEN 1 ELSE 2 END
