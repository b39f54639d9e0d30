-- Of each day, what was made or taken away on a target's account, as the last call of the day left it
-- The times are whole seconds: what was made in the second in which it was taken away counts as made since.
SELECT dt, account, thing, MAX_BY(state, place) AS state, MAX(time) AS time, MAX_BY(grant_id, place) AS grant_id,
       MAX_BY(source_identity, place) AS principal, MAX_BY(human, place) AS human, MAX_BY(target, place) AS target
FROM (
    SELECT dt, account, thing, 'made' AS state, time, time || ' 2 ' || verdict AS place, grant_id, source_identity,
           human, target
    FROM calls CROSS JOIN UNNEST(made) AS listed (thing)
    UNION ALL
    SELECT dt, account, thing, 'taken' AS state, time, time || ' 1 ' || verdict AS place, grant_id, source_identity,
           human, target
    FROM calls CROSS JOIN UNNEST(taken) AS listed (thing)
) AS lines
GROUP BY dt, account, thing
