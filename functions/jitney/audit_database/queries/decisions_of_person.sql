-- A person's votes, break-glass, follow-up reviews, revocations, suspensions and delegations in the last 90 days
-- person: the person's source identity, such as corp.alice
SELECT time, event, outcome, code, grant_id, principal, human, target, CAST(actions AS JSON) AS actions,
       CAST(resources AS JSON) AS resources, comment, via, on_behalf_of
FROM (
    SELECT time, event, outcome, code, grant_id, person, principal, human, target, actions, resources, comment, via,
           on_behalf_of
    FROM review_decisions
    WHERE dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
    UNION ALL
    SELECT time, event, outcome, code, grant_id,
           COALESCE(json_extract_scalar(detail, '$.by'), principal) AS person,
           CASE event WHEN 'suspension' THEN json_extract_scalar(detail, '$.name') ELSE principal END AS principal,
           human, target, actions, resources,
           CASE event WHEN 'suspension' THEN reason
                      WHEN 'out_of_office' THEN COALESCE(json_format(json_extract(detail, '$.out_of_office')), '')
                      ELSE COALESCE(json_extract_scalar(detail, '$.reason'), '') END AS comment,
           '' AS via, '' AS on_behalf_of
    FROM unique_records
    WHERE event IN ('revocation', 'suspension', 'out_of_office')
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
) AS decided
WHERE person = ?
ORDER BY time DESC
