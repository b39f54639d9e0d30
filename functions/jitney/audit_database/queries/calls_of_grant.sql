-- Calls through the gateway in one grant in the last 90 days, in order, with masked parameters
-- grant: the grant's id
SELECT made.time, made.call_id, made.service, made.operation, made.region, made.parameters, made.outcome, made.code,
       made.status, made.aws_request_id, made.bytes_out, made.masked, COUNT(DISTINCT seen.event_id) AS events,
       MAX(seen.record_match) AS record_match
FROM (
    SELECT chain AS call_id, MIN(time) AS time, MAX_BY(outcome, seq) AS outcome, MAX(code) AS code,
           MAX(json_extract_scalar(detail, '$.call.service')) AS service,
           MAX(json_extract_scalar(detail, '$.call.operation')) AS operation,
           MAX(json_extract_scalar(detail, '$.call.region')) AS region,
           MAX(json_format(json_extract(detail, '$.call.parameters'))) AS parameters,
           MAX(CAST(json_extract_scalar(detail, '$.call.status') AS INTEGER)) AS status,
           MAX(json_extract_scalar(detail, '$.call.aws_request_id')) AS aws_request_id,
           MAX(CAST(json_extract_scalar(detail, '$.call.bytes_out') AS BIGINT)) AS bytes_out,
           MAX(json_format(json_extract(detail, '$.call.masked'))) AS masked
    FROM unique_records
    WHERE event = 'call'
      AND grant_id = ?
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    GROUP BY chain
) AS made
LEFT JOIN unique_calls AS seen
  ON seen.call_id = made.call_id
 AND CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= seen.dt
GROUP BY made.time, made.call_id, made.service, made.operation, made.region, made.parameters, made.outcome, made.code,
         made.status, made.aws_request_id, made.bytes_out, made.masked
ORDER BY made.time, made.call_id
