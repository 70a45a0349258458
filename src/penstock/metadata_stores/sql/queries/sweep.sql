-- name: unreached
WITH RECURSIVE
    live AS (
        SELECT c.id FROM call c
        WHERE c.withdrawn = 0 OR c.withdrawn >= :older
            OR EXISTS (SELECT 1 FROM step s WHERE s.entry = c.id)
    ),
    reached (number) AS (
        SELECT number FROM artifact WHERE created >= :older
        UNION
        SELECT artifact FROM checkpoint
        UNION
        SELECT m.artifact FROM made m JOIN live ON live.id = m.entry
        UNION
        SELECT a.number FROM taken t
        JOIN live ON live.id = t.entry
        JOIN artifact a ON a.content = t.content
        UNION
        SELECT m.item FROM member m JOIN reached r ON m.collection = r.number
    )
SELECT number, id, content, inline, manifest FROM artifact
WHERE number NOT IN (SELECT number FROM reached)
ORDER BY number

-- name: files_of
SELECT digest FROM file WHERE artifact = :artifact

-- name: drop_artifact
DELETE FROM artifact WHERE number = :artifact

-- name: drop_files
DELETE FROM file WHERE artifact = :artifact

-- name: drop_members
DELETE FROM member WHERE collection = :artifact

-- name: names_file
SELECT 1 FROM file WHERE digest = :digest LIMIT 1

-- name: drop_calls
DELETE FROM call
WHERE withdrawn <> 0 AND NOT EXISTS (SELECT 1 FROM step s WHERE s.entry = call.id)

-- name: drop_made
DELETE FROM made
WHERE entry NOT IN (SELECT id FROM call) OR artifact NOT IN (SELECT number FROM artifact)

-- name: drop_taken
DELETE FROM taken WHERE entry NOT IN (SELECT id FROM call)

-- name: drop_metrics
DELETE FROM metric WHERE entry NOT IN (SELECT id FROM call)

-- name: drop_metric_lasts
DELETE FROM metric_last WHERE entry NOT IN (SELECT id FROM call)

-- name: suspects
SELECT id, content, inline, manifest FROM artifact
WHERE durable = 0 AND boot <> :boot
ORDER BY number

-- name: artifacts
SELECT number, id, content, inline, manifest FROM artifact
WHERE number > :number
ORDER BY number LIMIT :limit
