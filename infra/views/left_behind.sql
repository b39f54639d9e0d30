-- Of each day, what was made or taken away on a target's account, as the last call of the day left it
SELECT dt, account, thing, MAX_BY(state, time || state || verdict) AS state, MAX(time) AS time,
       MAX_BY(grant_id, time || state || verdict) AS grant_id,
       MAX_BY(source_identity, time || state || verdict) AS principal,
       MAX_BY(human, time || state || verdict) AS human, MAX_BY(target, time || state || verdict) AS target
FROM (
    SELECT dt, account, thing, 'made' AS state, time, grant_id, source_identity, human, target, verdict
    FROM calls CROSS JOIN UNNEST(made) AS listed (thing)
    UNION ALL
    SELECT dt, account, thing, 'taken' AS state, time, grant_id, source_identity, human, target, verdict
    FROM calls CROSS JOIN UNNEST(taken) AS listed (thing)
) AS lines
GROUP BY dt, account, thing
