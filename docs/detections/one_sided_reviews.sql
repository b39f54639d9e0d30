-- People who gave at least 10 approvals of a unit's requests in the last 30 days, and at least nine in ten of them all
SELECT given.person, given.unit, given.approvals, total.approvals AS of_unit, given.last_time
FROM (
    SELECT json_extract_scalar(detail, '$.by') AS person, unit, COUNT(*) AS approvals, MAX(time) AS last_time
    FROM unique_records
    WHERE event = 'vote'
      AND outcome = 'approved'
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    GROUP BY json_extract_scalar(detail, '$.by'), unit
) AS given
JOIN (
    SELECT unit, COUNT(*) AS approvals
    FROM unique_records
    WHERE event = 'vote'
      AND outcome = 'approved'
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
    GROUP BY unit
) AS total
  ON total.unit = given.unit
WHERE given.approvals >= 10
  AND given.approvals * 10 >= total.approvals * 9
ORDER BY given.approvals DESC, given.person
