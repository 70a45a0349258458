-- name: by_id
SELECT r.number, r.id, r.name, r.status, r.ended, r.seen, r.kept, r.durable,
    r.total, r.done, r.reused, r.failed, r.skipped, r.cancelled, r.boot, r.expires,
    a.owner, a.tags, a.note, a.error, a.record, r.created
FROM run r JOIN about a ON a.run = r.number
WHERE r.id = :id

-- name: by_number
SELECT r.number, r.id, r.name, r.status, r.ended, r.seen, r.kept, r.durable,
    r.total, r.done, r.reused, r.failed, r.skipped, r.cancelled, r.boot, r.expires,
    a.owner, a.tags, a.note, a.error, a.record, r.created
FROM run r JOIN about a ON a.run = r.number
WHERE r.number = :number

-- name: going
SELECT r.number, r.id, r.name, r.status, r.ended, r.seen, r.kept, r.durable,
    r.total, r.done, r.reused, r.failed, r.skipped, r.cancelled, r.boot, r.expires,
    a.owner, a.tags, a.note, a.error, a.record, r.created
FROM run r JOIN about a ON a.run = r.number
WHERE r.status = 'running'

-- name: names
SELECT id, name FROM run
WHERE (:any_project = 1 OR project = :project)
ORDER BY created DESC, number DESC

-- name: steps
SELECT r.id, r.status, r.boot, r.expires, r.seen, p.node, s.item, s.position, s.status, s.detail,
    c.id, c.key, c.metrics, c.record
FROM run r
JOIN step s ON s.run = r.number
JOIN place p ON p.id = s.place
LEFT JOIN call c ON c.id = s.entry
WHERE r.number = :run AND (:any_node = 1 OR p.node = :node)

-- name: metrics
SELECT m.entry, m.name, m.step, m.value, m.kind, m.at
FROM metric m
WHERE m.entry IN (SELECT s.entry FROM step s WHERE s.run = :run)
    AND (:all = 1 OR EXISTS (SELECT 1 FROM metric_last l
        WHERE l.entry = m.entry AND l.name = m.name AND l.position = m.position))
ORDER BY m.entry, m.position

-- name: places
SELECT p.node, s.item, s.position, s.entry, s.detail
FROM step s JOIN place p ON p.id = s.place
WHERE s.run = :run

-- name: edit
UPDATE run SET name = :name, kept = :kept WHERE number = :run

-- name: edit_about
UPDATE about SET tags = :tags, note = :note WHERE run = :run

-- name: drop_tags
DELETE FROM tag WHERE run = :run

-- name: drop_origin
DELETE FROM origin WHERE run = :run

-- name: drop_params
DELETE FROM param WHERE run = :run

-- name: withdraw_unshared
UPDATE call SET withdrawn = :now
WHERE withdrawn = 0
    AND id IN (SELECT entry FROM step WHERE run = :run)
    AND NOT EXISTS (SELECT 1 FROM step s WHERE s.entry = call.id AND s.run <> :run)

-- name: drop_steps
DELETE FROM step WHERE run = :run

-- name: drop_checkpoints
DELETE FROM checkpoint WHERE run = :run

-- name: drop_about
DELETE FROM about WHERE run = :run

-- name: drop_run
DELETE FROM run WHERE number = :run
