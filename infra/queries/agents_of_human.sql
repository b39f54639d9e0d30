-- What did one human's agents ask for and do in the last 30 days
-- human: as the records name the person, such as corp.alice
SELECT time, principal, grant_id, kind, what, outcome, code, target, account, CAST(actions AS JSON) AS actions,
       CAST(resources AS JSON) AS resources, reason
FROM grant_timeline
WHERE human = ?
  AND dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)
ORDER BY time, kind DESC, seq
