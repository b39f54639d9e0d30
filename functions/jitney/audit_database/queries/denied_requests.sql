-- Requests, dry runs and gateway calls that policy denied in the last 30 days, with the policies
SELECT time, event, COALESCE(json_extract_scalar(detail, '$.requester.name'), principal) AS requester,
       COALESCE(json_extract_scalar(detail, '$.requester.human_name'), human) AS human_name, principal, human,
       target, CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources,
       CAST(policies AS JSON) AS policies, reason, policy_version
FROM unique_records
WHERE event IN ('request', 'preview', 'call')
  AND outcome = 'denied'
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
