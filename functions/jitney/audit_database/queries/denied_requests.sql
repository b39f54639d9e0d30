-- Requests, votes, renewals, dry runs and calls that policy denied in the last 30 days, with policies and windows
SELECT time, event, COALESCE(json_extract_scalar(detail, '$.requester.name'), principal) AS requester,
       COALESCE(json_extract_scalar(detail, '$.requester.human_name'), human) AS human_name, principal, human,
       target, CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources,
       CAST(policies AS JSON) AS policies,
       json_extract(detail, '$.decision_inputs.time_windows') AS time_windows, reason, policy_version, grant_id
FROM unique_records
WHERE (event IN ('request', 'issue', 'preview', 'call')
       AND outcome = 'denied'
       OR event = 'vote' AND code = 'denied')
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time DESC
