-- Approvals since yesterday that gave access within 10 seconds of the request
SELECT time, person, via, waited_seconds, grant_id, principal, target, CAST(actions AS JSON) AS actions
FROM (
    SELECT *, CAST(json_extract_scalar(detail, '$.waited_seconds') AS INTEGER) AS waited_seconds
    FROM review_decisions
    WHERE event = 'vote'
      AND outcome = 'approved'
      AND dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
) AS voted
WHERE waited_seconds < 10
ORDER BY time DESC
