-- Calls with targets' roles without duplicates, each with its grant or marked as a bypass
SELECT dt, version, event_id, time, account, region, role_arn, session, access_key_id, source_identity, invoked_by,
       service, operation, actions, resources, read_only, error_code, error_message,
       error_code LIKE '%AccessDenied%' OR error_code LIKE '%Unauthorized%'
       OR error_code LIKE '%NotAuthorized%' OR error_code LIKE '%AuthorizationError%'
       OR error_code LIKE '%Forbidden%' AS denied,
       source_ip, user_agent, request_id, request, response, bytes_in, bytes_out, issued_access_key_id, created,
       deleted, target, verdict, purpose, call_id, record_match, grant_id, human, reasons, correlated_at
FROM (
    SELECT *, ROW_NUMBER() OVER (
               PARTITION BY dt, event_id
               ORDER BY CASE WHEN reasons = ARRAY['key_not_issued'] THEN 3 WHEN verdict = 'explained' THEN 2
                             WHEN verdict IN ('beyond_grant', 'unrecorded') THEN 1 ELSE 0 END,
                        correlated_at
           ) AS place
    FROM calls
) AS delivered
WHERE place = 1
