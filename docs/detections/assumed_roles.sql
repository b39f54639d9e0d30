-- Sessions of other roles that agents' sessions started since yesterday, with the new access key
SELECT time, grant_id, source_identity AS principal, human, target, account, operation,
       COALESCE(json_extract_scalar(request, '$.roleArn'), json_extract_scalar(request, '$.targetPrincipal'), '')
           AS assumed_role,
       json_extract_scalar(response, '$.credentials.accessKeyId') AS new_access_key_id, verdict, source_ip, event_id
FROM unique_calls
WHERE service = 'sts'
  AND operation LIKE 'AssumeRo%' -- also AssumeRoot
  AND error_code = ''
  AND COALESCE(json_extract_scalar(request, '$.roleArn'), '') <> role_arn
  AND dt >= CAST(CAST(current_date - INTERVAL '1' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
