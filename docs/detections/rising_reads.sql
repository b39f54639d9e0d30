-- Units with 100 or more answered reads through the gateway since yesterday, over 5 times their daily mean of 14 days
SELECT unit, SUM(CASE WHEN recent THEN calls END) AS calls, SUM(CASE WHEN recent THEN bytes END) AS bytes_out,
       SUM(CASE WHEN recent THEN 0 ELSE calls END) / 14 AS calls_a_day_before
FROM (
    SELECT unit, dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR) AS recent,
           COUNT(DISTINCT chain) AS calls,
           SUM(CAST(json_extract_scalar(detail, '$.call.bytes_out') AS BIGINT)) AS bytes
    FROM unique_records
    WHERE event = 'call'
      AND outcome = 'answered'
      AND seq = 0
      AND dt >= CAST(CAST(current_date - INTERVAL '15' DAY AS DATE) AS VARCHAR)
    GROUP BY unit, dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
) AS answered
GROUP BY unit
HAVING SUM(CASE WHEN recent THEN calls END) >= 100
   AND SUM(CASE WHEN recent THEN calls END) * 14 > 5 * SUM(CASE WHEN recent THEN 0 ELSE calls END)
ORDER BY calls DESC
