-- Messages to reviewers in the last 30 days that Slack or mail did not take, with the code of each
SELECT notice.time, notice.grant_id, json_extract_scalar(notice.detail, '$.notice') AS notice,
       json_extract_scalar(notice.detail, '$.sent[' || CAST(message.number AS VARCHAR) || '].channel') AS channel,
       json_extract_scalar(notice.detail, '$.sent[' || CAST(message.number AS VARCHAR) || '].to') AS recipient,
       json_extract_scalar(notice.detail, '$.sent[' || CAST(message.number AS VARCHAR) || '].code') AS code,
       notice.outcome = 'failed' AS reached_no_reviewer, notice.principal, notice.target
FROM (
    SELECT time, grant_id, detail, outcome, principal, target
    FROM unique_records
    WHERE event = 'notice'
      AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
) AS notice
CROSS JOIN UNNEST(sequence(0, CAST(json_array_length(json_extract(notice.detail, '$.sent')) AS INTEGER)))
    AS message (number)
WHERE json_extract_scalar(notice.detail, '$.sent[' || CAST(message.number AS VARCHAR) || '].code')
      NOT IN ('', 'already_sent')
  AND coalesce(json_extract_scalar(notice.detail, '$.sent[' || CAST(message.number AS VARCHAR) || '].again'), '')
      <> 'true'
ORDER BY notice.time DESC, notice.grant_id, message.number
