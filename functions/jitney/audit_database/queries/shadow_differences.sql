-- Decisions of the last 30 days that the shadow policies decided differently, and their errors
SELECT time, event, grant_id, COALESCE(json_extract_scalar(detail, '$.requester.name'), principal) AS requester,
       COALESCE(json_extract_scalar(detail, '$.requester.human_name'), human) AS human_name, principal, human,
       target, CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources,
       json_extract_scalar(detail, '$.decision_inputs.effect') AS effect, CAST(policies AS JSON) AS policies,
       json_extract_scalar(detail, '$.shadow.effect') AS shadow_effect,
       json_format(json_extract(detail, '$.shadow.policies')) AS shadow_policies,
       json_extract_scalar(detail, '$.shadow.error') AS shadow_error,
       json_extract_scalar(detail, '$.shadow.policy_version') AS shadow_version
FROM unique_records
WHERE event IN ('request', 'preview')
  AND COALESCE(json_extract_scalar(detail, '$.shadow.effect'), json_extract_scalar(detail, '$.shadow.error')) IS NOT NULL
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
