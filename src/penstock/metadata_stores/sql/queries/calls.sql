-- name: find
SELECT id, key, seed, metrics, record FROM call
WHERE key = :key AND withdrawn = 0 AND seed IN ('-1', :seed)
ORDER BY id DESC LIMIT 1

-- name: metrics_of
SELECT name, step, value, kind, at FROM metric WHERE entry = :entry ORDER BY position

-- name: forget
UPDATE call SET withdrawn = :now WHERE key = :key AND withdrawn = 0

-- name: number_of
SELECT number FROM run WHERE id = :id

-- name: previous_here
SELECT r.id, r.status, r.boot, r.expires, r.seen, p.node, s.item, s.position, s.status, s.detail,
    c.id, c.key, c.metrics, c.record
FROM place p
JOIN step s ON s.place = p.id AND s.item = :item
JOIN run r ON r.number = s.run
JOIN call c ON c.id = s.entry AND c.parts = 1
WHERE p.project = :project AND p.pipeline = :pipeline AND p.node = :node AND s.run < :run
ORDER BY s.run DESC LIMIT 1

-- name: previous_elsewhere
SELECT r.id, r.status, r.boot, r.expires, r.seen, p.node, s.item, s.position, s.status, s.detail,
    c.id, c.key, c.metrics, c.record
FROM call c
JOIN step s ON s.entry = c.id
JOIN run r ON r.number = s.run
JOIN place p ON p.id = s.place
WHERE c.ref = :ref AND c.run < :run AND c.parts = 1 AND s.run < :run
ORDER BY c.run DESC, c.id DESC, s.run DESC LIMIT 1

-- name: checkpoint
SELECT a.id, a.content, a.inline, a.manifest
FROM checkpoint c JOIN artifact a ON a.number = c.artifact
WHERE c.key = :key
