-- Each access that began in the last 30 days, one row per grant: what allowed it, who approved, its start and end
SELECT access.began_at,
       CASE WHEN access.ended_early_at < access.expires_at THEN access.ended_early_at
            WHEN access.ending IS NOT NULL THEN access.expires_at END AS ended_at,
       access.ending, CASE WHEN access.ended_by <> '' THEN access.ended_by END AS ended_by,
       CASE access.event WHEN 'vote' THEN 'review' WHEN 'break_glass' THEN 'break-glass'
                         ELSE CASE WHEN access.earlier_grant IS NULL THEN 'policy' ELSE 'earlier approval' END END
           AS allowed_by,
       CASE access.event WHEN 'vote' THEN CAST(voted.people AS JSON)
                         WHEN 'break_glass' THEN CAST(ARRAY[access.person] AS JSON) END AS people,
       access.earlier_grant, access.earlier_approved_at,
       access.event = 'vote' AND access.asked_again AND NOT access.once AND NOT access.revoked AS may_count_again,
       CAST(access.policies AS JSON) AS policies,
       access.policy_version, access.configuration, access.grant_id, access.requester,
       json_extract(access.owners, '$') AS owners, access.unit, access.principal,
       access.human, access.target, access.account, access.way, access.reveal, CAST(access.actions AS JSON) AS actions,
       CAST(access.resources AS JSON) AS resources, access.requested_seconds, access.granted_seconds, access.issued,
       access.ticket, access.reason
FROM (
    SELECT grant_id, MIN(CASE WHEN allows THEN time END) AS began_at, MAX(CASE WHEN allows THEN event END) AS event,
           MAX(CASE WHEN allows THEN json_extract_scalar(detail, '$.by') END) AS person,
           MAX(CASE WHEN allows THEN json_extract_scalar(detail, '$.content') END) AS content,
           MAX(json_extract_scalar(detail, '$.earlier_approvals[0].grant')) AS earlier_grant,
           MAX(json_extract_scalar(detail, '$.earlier_approvals[0].at')) AS earlier_approved_at,
           MAX(json_extract_scalar(detail, '$.requester.name')) AS requester,
           MAX(json_format(json_extract(detail, '$.requester.owners'))) AS owners,
           BOOL_OR(COALESCE(json_extract_scalar(detail, '$.counts_again'), '') = 'true') AS asked_again,
           BOOL_OR(COALESCE(json_extract_scalar(detail, '$.this_time_only'), '') = 'true') AS once,
           BOOL_OR(event = 'revocation') AS revoked,
           BOOL_OR(COALESCE(json_extract_scalar(detail, '$.reveal'), '') = 'true') AS reveal,
           MAX(json_extract_scalar(detail, '$.way')) AS way,
           MAX_BY(policies, CASE WHEN allows OR event = 'request' THEN seq END) AS policies,
           MAX_BY(policy_version, CASE WHEN allows THEN seq END) AS policy_version,
           MAX_BY(configuration, CASE WHEN allows THEN seq END) AS configuration,
           MAX_BY(actions, CASE WHEN allows THEN seq END) AS actions,
           MAX_BY(resources, CASE WHEN allows THEN seq END) AS resources,
           MAX_BY(duration_seconds, CASE WHEN allows THEN seq END) AS granted_seconds,
           MAX(CASE event WHEN 'request' THEN duration_seconds END) AS requested_seconds,
           MAX_BY(expires_at, CASE WHEN expires_at <> '' THEN seq END) AS expires_at,
           MIN(CASE WHEN event IN ('release', 'revocation', 'use', 'issue') AND ends_access
                    THEN COALESCE(json_extract_scalar(detail, '$.ended_at'), time) END) AS ended_early_at,
           MAX_BY(CASE event WHEN 'use' THEN 'used' ELSE outcome END, CASE WHEN ends_access THEN 0 - seq END) AS ending,
           -- Engines differ in whether MAX_BY returns NULL.
           MAX_BY(COALESCE(json_extract_scalar(detail, '$.by'), ''), CASE WHEN ends_access THEN 0 - seq END)
               AS ended_by,
           -- An allowed request issues the first credentials, unless it is for the gateway. A failure is a second record.
           COUNT(DISTINCT CASE WHEN outcome = 'allowed' AND (event = 'issue' OR (event = 'request'
                                    AND json_extract_scalar(detail, '$.way') = 'credentials')) THEN seq END)
           - COUNT(DISTINCT CASE WHEN event = 'issue' AND outcome = 'failed' THEN seq END) AS issued,
           MIN(unit) AS unit, MIN(principal) AS principal, MIN(human) AS human, MIN(target) AS target,
           MIN(account) AS account, MIN(ticket) AS ticket, MIN(reason) AS reason
    FROM (
        SELECT *, grants_access AND event <> 'issue' AS allows
        FROM unique_records
        WHERE chain = grant_id
          AND CAST(CAST(current_date - INTERVAL '37' DAY AS DATE) AS VARCHAR) <= dt
    ) AS recorded
    GROUP BY grant_id
    HAVING BOOL_OR(allows AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR))
) AS access
LEFT JOIN (
    SELECT grant_id, json_extract_scalar(detail, '$.content') AS content,
           ARRAY_AGG(DISTINCT json_extract_scalar(detail, '$.by') ORDER BY json_extract_scalar(detail, '$.by'))
               AS people
    FROM unique_records
    WHERE event = 'vote'
      AND outcome = 'approved'
      AND code = ''
      AND CAST(CAST(current_date - INTERVAL '37' DAY AS DATE) AS VARCHAR) <= dt
    GROUP BY grant_id, json_extract_scalar(detail, '$.content')
) AS voted
  ON voted.grant_id = access.grant_id
 AND voted.content = access.content
ORDER BY access.began_at DESC, access.grant_id
