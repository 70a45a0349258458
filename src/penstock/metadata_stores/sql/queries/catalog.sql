-- name: manifest
SELECT id, content, inline, manifest FROM artifact WHERE id = :id

-- name: manifests
SELECT id, content, inline, manifest FROM artifact WHERE id >= :prefix AND id < :after LIMIT 2

-- name: producers
SELECT r.id, p.node, s.item, m.name
FROM artifact a
JOIN made m ON m.artifact = a.number
JOIN step s ON s.entry = m.entry
JOIN run r ON r.number = s.run
JOIN place p ON p.id = s.place
WHERE a.id = :id
ORDER BY r.number, s.position, m.name

-- name: consumers
SELECT r.id, p.node, s.item, t.name
FROM taken t
JOIN step s ON s.entry = t.entry
JOIN run r ON r.number = s.run
JOIN place p ON p.id = s.place
WHERE t.content = :content
ORDER BY r.number, s.position, t.name

-- name: text
SELECT packed, data FROM text WHERE digest = :digest

-- name: memo
SELECT value FROM memo WHERE name = :name

-- name: remember
INSERT INTO memo (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
