-- Calls with targets' roles that no grant or gateway record explains, with the reasons
SELECT dt, event_id, time, target, account, role_arn, session, source_identity, access_key_id, service, operation,
       actions, resources, reasons, error_code, source_ip, user_agent, grant_id
FROM unique_calls
WHERE verdict NOT IN ('explained', 'beyond_grant')
