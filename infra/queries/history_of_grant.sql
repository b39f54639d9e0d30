-- The chain of one grant in its order; the parameter is the grant id
SELECT seq, time, event, outcome, code, principal, human, source_ip, detail, prev, hash
FROM records
WHERE chain = ?
ORDER BY seq
