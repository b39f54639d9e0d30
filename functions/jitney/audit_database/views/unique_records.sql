-- Audit records without duplicate deliveries, by day of publishing
SELECT dt, version, chain, seq, time, event, outcome, code, grant_id, principal, issuer, subject, unit, human,
       target, account, actions, resources, duration_seconds, expires_at, reason, ticket, source_ip, request_id,
       policy_version, policies, configuration, detail, "count", prev, hash,
       (event IN ('request', 'issue') AND outcome = 'allowed')
       OR (event IN ('vote', 'break_glass') AND outcome = 'approved'
           AND COALESCE(json_extract_scalar(detail, '$.state'), '') NOT IN ('pending', 'failed')) AS grants_access,
       event IN ('release', 'revocation', 'expiry', 'use')
       OR (event = 'issue' AND outcome = 'failed' AND code = 'policy_too_large') AS ends_access
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY dt, chain, seq, hash ORDER BY time) AS place
    FROM records
) AS delivered
WHERE place = 1
