-- Pieces of which a filter's SELECT is made. {at} numbers the parameters of a piece, {op} is one of
-- = < <= > >=, and the other words in braces are pieces, too. Values are always bound.

-- name: chosen
SELECT r.number, r.created{keys}
FROM run r
WHERE r.status <> 'running' AND {where}
ORDER BY {order}r.created DESC, r.number DESC
LIMIT :limit

-- name: value_of_param
(SELECT p.number FROM param p WHERE p.run = r.number AND p.name = :name{at})

-- name: text_of_param
(SELECT CASE WHEN p.number IS NULL THEN p.value END
FROM param p WHERE p.run = r.number AND p.name = :name{at})

-- name: param_is
EXISTS (SELECT 1 FROM param p WHERE p.run = r.number AND p.name = :name{at} AND {test})

-- name: param_known
EXISTS (SELECT 1 FROM param p WHERE p.run = r.number AND p.name = :name{at})

-- name: tag_is
EXISTS (SELECT 1 FROM tag t WHERE t.run = r.number AND {test})

-- name: tag_known
EXISTS (SELECT 1 FROM tag t WHERE t.run = r.number)

-- name: value_of_metric
(SELECT avg(m.number)
FROM place l
JOIN step s ON s.place = l.id AND s.run = r.number
JOIN metric_last m ON m.entry = s.entry AND m.name = :name{at}
WHERE l.project = r.project AND l.pipeline = r.pipeline AND l.node = :node{at}
    AND (:whole{at} = 1 OR s.item = :item{at}))

-- name: metric_known
EXISTS (SELECT 1
FROM place l
JOIN step s ON s.place = l.id AND s.run = r.number
JOIN metric_last m ON m.entry = s.entry AND m.name = :name{at}
WHERE l.project = r.project AND l.pipeline = r.pipeline AND l.node = :node{at}
    AND (:whole{at} = 1 OR s.item = :item{at}))

-- name: field_of_origin
(SELECT o.{column} FROM origin o WHERE o.run = r.number)

-- name: text_of_note
(SELECT a.note FROM about a WHERE a.run = r.number)

-- name: value_of_took
(SELECT CASE WHEN o.started > 0 AND r.ended > 0 THEN r.ended - o.started END
FROM origin o WHERE o.run = r.number)

-- name: measured
SELECT count(*), avg(m.number)
FROM run r
JOIN place l ON l.project = r.project AND l.pipeline = r.pipeline AND l.node = :node
JOIN step s ON s.place = l.id AND s.run = r.number
JOIN metric_last m ON m.entry = s.entry AND m.name = :name
WHERE r.id = :run AND (:whole = 1 OR s.item = :item)

-- name: known_parameters
WITH RECURSIVE known (name) AS (
    SELECT min(name) FROM param
    UNION ALL
    SELECT (SELECT min(p.name) FROM param p WHERE p.name > k.name) FROM known k
    WHERE k.name IS NOT NULL
)
SELECT name FROM known WHERE name IS NOT NULL

-- name: known_metrics
WITH RECURSIVE known (name) AS (
    SELECT min(name) FROM metric_last
    UNION ALL
    SELECT (SELECT min(m.name) FROM metric_last m WHERE m.name > k.name) FROM known k
    WHERE k.name IS NOT NULL
)
SELECT name FROM known WHERE name IS NOT NULL

-- name: known_steps
SELECT DISTINCT node FROM place
WHERE (:any_project = 1 OR project = :project)
ORDER BY node
