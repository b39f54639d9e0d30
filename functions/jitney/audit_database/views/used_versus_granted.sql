-- Granted and called actions by day and grant, with the numbers of calls; granted actions may be patterns
SELECT dt, grant_id, MIN(principal) AS principal, MIN(human) AS human, MIN(target) AS target, MIN(account) AS account,
       action, BOOL_OR(granted) AS granted, COUNT(DISTINCT event_id) AS calls, COUNT(DISTINCT failed_id) AS failed
FROM (
    SELECT dt, grant_id, principal, human, target, account, action, TRUE AS granted,
           CAST(NULL AS VARCHAR) AS event_id, CAST(NULL AS VARCHAR) AS failed_id
    FROM unique_records CROSS JOIN UNNEST(actions) AS listed (action)
    WHERE grant_id <> ''
      AND grants_access
    UNION ALL
    SELECT dt, grant_id, source_identity AS principal, human, target, account, action, FALSE AS granted,
           CASE WHEN call_id <> '' THEN call_id ELSE event_id END AS event_id,
           CASE WHEN error_code <> '' THEN CASE WHEN call_id <> '' THEN call_id ELSE event_id END END AS failed_id
    FROM unique_calls CROSS JOIN UNNEST(actions) AS listed (action)
    WHERE verdict = 'explained'
      AND purpose IN ('grant', 'reads', 'call')
    UNION ALL
    SELECT dt, grant_id, principal, human, target, account, action, FALSE AS granted, chain AS event_id,
           CASE WHEN CAST(json_extract_scalar(detail, '$.call.status') AS INTEGER) >= 400 THEN chain END AS failed_id
    FROM records CROSS JOIN UNNEST(actions) AS listed (action)
    WHERE event = 'call'
      AND outcome = 'answered'
    UNION ALL
    SELECT dt, grant_id, principal, human, target, account, action, FALSE AS granted, chain AS event_id,
           CAST(NULL AS VARCHAR) AS failed_id
    FROM records CROSS JOIN UNNEST(actions) AS listed (action)
    WHERE event = 'use' -- the grant of one reviewed call
      AND outcome = 'sent'
) AS lines
GROUP BY dt, grant_id, action
