-- How long credentials worked after a release or revocation in the last 90 days, measured and seen in calls
SELECT ended.time, ended.event, ended.grant_id, ended.person, ended.principal, ended.target,
       MIN(CAST(json_extract_scalar(canary.detail, '$.denied_after_milliseconds') AS BIGINT))
           AS denied_after_milliseconds,
       MIN(DATE_DIFF('second', CAST(REPLACE(SUBSTR(ended.time, 1, 19), 'T', ' ') AS TIMESTAMP),
                     CAST(REPLACE(SUBSTR(entry.written_at, 1, 19), 'T', ' ') AS TIMESTAMP))) AS deny_entry_seconds,
       MAX(entry.failure) AS deny_entry_failure,
       COUNT(DISTINCT called.event_id) AS calls_afterwards,
       MAX(DATE_DIFF('second', CAST(REPLACE(SUBSTR(ended.time, 1, 19), 'T', ' ') AS TIMESTAMP),
                     CAST(REPLACE(SUBSTR(called.time, 1, 19), 'T', ' ') AS TIMESTAMP))) AS last_call_seconds,
       ended.reason
FROM (
    SELECT COALESCE(json_extract_scalar(detail, '$.ended_at'), time) AS time, event, grant_id, seq, principal, target,
           LEAD(seq) OVER (PARTITION BY grant_id ORDER BY seq) AS next_seq,
           COALESCE(json_extract_scalar(detail, '$.by'), '') AS person,
           COALESCE(json_extract_scalar(detail, '$.reason'), '') AS reason
    FROM unique_records
    WHERE event IN ('revocation', 'release')
      AND grant_id <> ''
      AND dt >= CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR)
) AS ended
LEFT JOIN unique_records AS canary
  ON canary.grant_id = ended.grant_id
 AND canary.event = 'canary'
 AND canary.seq > ended.seq -- each end has only its own measurement and entry: a release, and a revocation after it
 AND (ended.next_seq IS NULL OR canary.seq < ended.next_seq)
 AND CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= canary.dt
LEFT JOIN (
    SELECT grant_id, seq, CASE outcome WHEN 'set' THEN COALESCE(json_extract_scalar(detail, '$.written_at'), time) END
               AS written_at,
           CASE outcome WHEN 'failed' THEN code END AS failure
    FROM unique_records
    WHERE event = 'deny_entry'
      AND CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= dt
) AS entry
  ON entry.grant_id = ended.grant_id
 AND entry.seq > ended.seq
 AND (ended.next_seq IS NULL OR entry.seq < ended.next_seq)
LEFT JOIN unique_calls AS called
  ON called.grant_id = ended.grant_id
 AND called.purpose IN ('grant', 'reads', 'call')
 AND called.error_code = ''
 AND called.service || ':' || called.operation NOT IN ('sts:GetCallerIdentity') -- no policy can deny this
 AND called.time > ended.time
 AND CAST(CAST(current_date - INTERVAL '90' DAY AS DATE) AS VARCHAR) <= called.dt
GROUP BY ended.time, ended.event, ended.grant_id, ended.person, ended.principal, ended.target, ended.reason
ORDER BY ended.time DESC
