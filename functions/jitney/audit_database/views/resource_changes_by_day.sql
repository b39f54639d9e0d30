-- Resources created or deleted in targets' accounts, by day, with the last change of the day
-- Times are whole seconds: in one second, a deletion counts as before a creation.
SELECT dt, account, resource, MAX_BY(state, place) AS state, MAX(time) AS time, MAX_BY(grant_id, place) AS grant_id,
       MAX_BY(source_identity, place) AS principal, MAX_BY(human, place) AS human, MAX_BY(target, place) AS target
FROM (
    SELECT dt, account, resource, 'created' AS state, time, time || ' 2 ' || verdict AS place, grant_id,
           source_identity, human, target
    FROM calls CROSS JOIN UNNEST(created) AS listed (resource)
    UNION ALL
    SELECT dt, account, resource, 'deleted' AS state, time, time || ' 1 ' || verdict AS place, grant_id,
           source_identity, human, target
    FROM calls CROSS JOIN UNNEST(deleted) AS listed (resource)
) AS lines
GROUP BY dt, account, resource
