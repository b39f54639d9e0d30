-- Direct transfers since yesterday, with CloudTrail's event of each: its address, and the bytes
SELECT given.time, given.call_id, given.grant_id, given.principal, given.human, given.target, given.activity,
       CAST(given.resources AS JSON) AS resources, given.source_ip AS requested_from, sent.source_ip AS sent_from,
       sent.bytes_out, sent.bytes_in
FROM (
    SELECT MIN(time) AS time, chain AS call_id, MIN(grant_id) AS grant_id, MIN(principal) AS principal,
           MIN(human) AS human, MIN(target) AS target, MAX_BY(resources, seq) AS resources, MIN(source_ip) AS source_ip,
           MIN(json_extract_scalar(detail, '$.call.service') || ':'
               || json_extract_scalar(detail, '$.call.operation')) AS activity
    FROM unique_records
    WHERE event = 'call'
      AND outcome = 'sent'
      AND json_extract_scalar(detail, '$.call.ticket') = 'true'
      AND dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
    GROUP BY chain
) AS given
LEFT JOIN unique_calls AS sent
  ON sent.call_id = given.call_id
 AND sent.record_match = 'ticket'
 AND CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR) <= sent.dt
ORDER BY given.time DESC
