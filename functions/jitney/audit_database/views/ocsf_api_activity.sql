-- Calls as OCSF 1.8.0 API Activity events (6003) for a SIEM, with the grant under unmapped
SELECT dt, event_id, time, grant_id, 6003 AS class_uid, activity_id, severity_id, status_id,
       json_format(CAST(MAP(
           ARRAY['category_uid', 'class_uid', 'activity_id', 'type_uid', 'severity_id', 'status_id', 'time',
                 'category_name', 'class_name', 'activity_name', 'severity', 'status', 'status_code', 'status_detail',
                 'metadata', 'cloud', 'actor', 'api', 'src_endpoint', 'resources', 'unmapped'],
           ARRAY[
               CAST(6 AS JSON),
               CAST(6003 AS JSON),
               CAST(activity_id AS JSON),
               CAST(600300 + activity_id AS JSON),
               CAST(severity_id AS JSON),
               CAST(status_id AS JSON),
               CAST(CAST(to_unixtime(CAST(REPLACE(SUBSTR(time, 1, 19), 'T', ' ') AS TIMESTAMP)) AS BIGINT) * 1000
                    AS JSON),
               json_extract(CAST(ARRAY['Application Activity'] AS JSON), '$[0]'),
               json_extract(CAST(ARRAY['API Activity'] AS JSON), '$[0]'),
               json_extract(CAST(ARRAY[activity_name] AS JSON), '$[0]'),
               json_extract(CAST(ARRAY[severity] AS JSON), '$[0]'),
               json_extract(CAST(ARRAY[CASE status_id WHEN 1 THEN 'Success' ELSE 'Failure' END] AS JSON), '$[0]'),
               json_extract(CAST(ARRAY[error_code] AS JSON), '$[0]'),
               json_extract(CAST(ARRAY[error_message] AS JSON), '$[0]'),
               CAST(MAP(ARRAY['version', 'uid', 'original_event_uid', 'original_time', 'processed_time',
                              'correlation_uid', 'log_name', 'product', 'profiles'],
                        ARRAY[json_extract(CAST(ARRAY['1.8.0'] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[event_id] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[event_id] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[time] AS JSON), '$[0]'),
                              CAST(CAST(to_unixtime(CAST(REPLACE(SUBSTR(correlated_at, 1, 19), 'T', ' ')
                                                         AS TIMESTAMP)) AS BIGINT) * 1000 AS JSON),
                              json_extract(CAST(ARRAY[grant_id] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY['AWS CloudTrail'] AS JSON), '$[0]'),
                              CAST(MAP(ARRAY['name', 'vendor_name'], ARRAY['Jitney', 'Jitney']) AS JSON),
                              CAST(ARRAY['cloud'] AS JSON)]) AS JSON),
               CAST(MAP(ARRAY['provider', 'region', 'account'],
                        ARRAY[json_extract(CAST(ARRAY['AWS'] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[region] AS JSON), '$[0]'),
                              CAST(MAP(ARRAY['uid'], ARRAY[account]) AS JSON)]) AS JSON),
               CAST(MAP(ARRAY['user', 'session', 'invoked_by'],
                        ARRAY[CAST(MAP(ARRAY['uid', 'name', 'credential_uid'],
                                       ARRAY[person, person, access_key_id]) AS JSON),
                              CAST(MAP(ARRAY['uid', 'issuer', 'credential_uid'],
                                       ARRAY[session, role_arn, access_key_id]) AS JSON),
                              json_extract(CAST(ARRAY[invoked_by] AS JSON), '$[0]')]) AS JSON),
               CAST(MAP(ARRAY['operation', 'service', 'request', 'response'],
                        ARRAY[json_extract(CAST(ARRAY[operation] AS JSON), '$[0]'),
                              CAST(MAP(ARRAY['name'], ARRAY[service || '.amazonaws.com']) AS JSON),
                              CAST(MAP(ARRAY['uid'], ARRAY[request_id]) AS JSON),
                              CAST(MAP(ARRAY['error', 'error_message'], ARRAY[error_code, error_message]) AS JSON)])
                    AS JSON),
               CAST(MAP(ARRAY[CASE WHEN source_ip LIKE '%:%'
                                     OR (source_ip LIKE '%.%.%.%' AND source_ip NOT LIKE '%.amazonaws.com')
                                   THEN 'ip' ELSE 'svc_name' END],
                        ARRAY[source_ip]) AS JSON),
               CAST(transform(resources, resource -> MAP(ARRAY['uid'], ARRAY[resource])) AS JSON),
               CAST(MAP(ARRAY['grant_id', 'human', 'target', 'verdict', 'reasons', 'purpose', 'call_id',
                              'record_match', 'source_identity', 'user_agent'],
                        ARRAY[json_extract(CAST(ARRAY[grant_id] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[human] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[target] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[verdict] AS JSON), '$[0]'),
                              CAST(reasons AS JSON),
                              json_extract(CAST(ARRAY[purpose] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[call_id] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[record_match] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[source_identity] AS JSON), '$[0]'),
                              json_extract(CAST(ARRAY[user_agent] AS JSON), '$[0]')]) AS JSON)
           ]) AS JSON)) AS event
FROM (
    SELECT *,
           CASE activity_name WHEN 'Create' THEN 1 WHEN 'Read' THEN 2 WHEN 'Update' THEN 3 WHEN 'Delete' THEN 4
                              ELSE 99 END AS activity_id,
           CASE severity WHEN 'High' THEN 4 WHEN 'Low' THEN 2 ELSE 1 END AS severity_id
    FROM (
        SELECT *,
               CASE WHEN read_only THEN 'Read'
                    WHEN operation LIKE 'Create%' OR operation LIKE 'Run%' THEN 'Create'
                    WHEN operation LIKE 'Delete%' OR operation LIKE 'Terminate%' OR operation LIKE 'Remove%'
                    THEN 'Delete'
                    WHEN operation LIKE 'Put%' OR operation LIKE 'Update%' OR operation LIKE 'Modify%'
                         OR operation LIKE 'Set%' OR operation LIKE 'Attach%' OR operation LIKE 'Detach%'
                         OR operation LIKE 'Tag%' OR operation LIKE 'Untag%' THEN 'Update'
                    ELSE operation END AS activity_name,
               CASE WHEN verdict <> 'explained' THEN 'High'
                    WHEN denied AND purpose NOT IN ('canary', 'check', 'trial') THEN 'Low' -- these have to be denied
                    ELSE 'Informational' END AS severity,
               CASE WHEN error_code = '' THEN 1 ELSE 2 END AS status_id,
               CASE WHEN source_identity <> '' THEN source_identity ELSE session END AS person
        FROM unique_calls
    ) AS named
) AS numbered
