-- Grants that ended in the last 7 days without a record that AWS denies their credentials, latest expiry first
SELECT COALESCE(json_extract_scalar(ended.detail, '$.ended_at'), ended.time) AS time, ended.event, ended.code,
       ended.grant_id, ended.principal, ended.human, ended.target, ended.account, ended.expires_at,
       COALESCE(json_extract_scalar(ended.detail, '$.by'), '') AS person, COALESCE(grants.failure, '') AS failure
FROM unique_records AS ended
JOIN (
    SELECT grant_id,
           BOOL_OR(grants_access) AS was_active,
           MAX(CASE WHEN (event = 'deny_entry' AND outcome = 'set') OR (event = 'canary' AND outcome = 'denied')
                    THEN seq END) AS denied,
           MAX(CASE WHEN event = 'deny_entry' AND outcome = 'failed' THEN seq END) AS failed,
           MAX_BY(code, CASE WHEN event = 'deny_entry' AND outcome = 'failed' THEN seq END) AS failure
    FROM unique_records
    WHERE grant_id <> ''
      AND CAST(CAST(current_date - INTERVAL '21' DAY AS DATE) AS VARCHAR) <= dt
    GROUP BY grant_id
) AS grants
  ON grants.grant_id = ended.grant_id
LEFT JOIN (
    SELECT json_extract_scalar(detail, '$.suspension') AS suspension_id,
           json_format(json_extract(detail, '$.targets_denied')) AS targets
    FROM unique_records
    WHERE event = 'suspension'
      AND outcome IN ('revoked', 'failed')
      AND CAST(CAST(current_date - INTERVAL '21' DAY AS DATE) AS VARCHAR) <= dt
) AS step
  ON step.suspension_id = json_extract_scalar(ended.detail, '$.suspension')
 AND REPLACE(step.targets, '"' || ended.target || '"', '') <> step.targets
WHERE ended.event IN ('revocation', 'release')
  AND ended.outcome IN ('revoked', 'released')
  AND ended.grant_id <> ''
  AND ended.dt >= CAST(CAST(current_date - INTERVAL '7' DAY AS DATE) AS VARCHAR)
  AND json_extract_scalar(ended.detail, '$.no_denial') IS NULL
  AND grants.was_active
  AND COALESCE(grants.denied, -1) < ended.seq
  AND (ended.event = 'revocation' OR grants.failed > ended.seq)
  AND step.suspension_id IS NULL
ORDER BY ended.expires_at DESC, time DESC
