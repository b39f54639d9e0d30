-- Calls through the gateway in the last 30 days that may have run, but have no answer on record
SELECT made.time, made.call_id, made.grant_id, made.principal, made.human, made.target, made.account, made.service,
       made.operation, CAST(made.resources AS JSON) AS resources, made.outcome, made.code, made.ticket,
       COUNT(DISTINCT seen.event_id) AS events, MAX(seen.record_match) AS record_match,
       MAX(seen.error_code) AS error_code
FROM (
    SELECT chain AS call_id, MIN(time) AS time, MIN(grant_id) AS grant_id, MIN(principal) AS principal,
           MIN(human) AS human, MIN(target) AS target, MIN(account) AS account,
           MAX(json_extract_scalar(detail, '$.call.service')) AS service,
           MAX(json_extract_scalar(detail, '$.call.operation')) AS operation, MAX_BY(resources, 0 - seq) AS resources,
           MAX_BY(outcome, seq) AS outcome, MAX(code) AS code,
           BOOL_OR(COALESCE(json_extract_scalar(detail, '$.call.ticket'), '') = 'true') AS ticket
    FROM unique_records
    WHERE event = 'call'
      AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= dt
    GROUP BY chain
    HAVING BOOL_OR(dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR))
       AND (MAX_BY(outcome, seq) = 'sent' OR MAX_BY(json_extract_scalar(detail, '$.call.state'), seq) = 'may_have_run')
) AS made
LEFT JOIN unique_calls AS seen
  ON seen.call_id = made.call_id
 AND CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR) <= seen.dt
GROUP BY made.time, made.call_id, made.grant_id, made.principal, made.human, made.target, made.account, made.service,
         made.operation, made.resources, made.outcome, made.code, made.ticket
ORDER BY made.time DESC, made.call_id
