-- name: begin
INSERT INTO run (id, project, pipeline, name, parent, status, created, ended, seen, kept, durable,
    total, done, reused, failed, skipped, cancelled, position, token, boot, expires)
VALUES (:id, :project, :pipeline, :name, :parent, 'running', :created, 0, :now, :kept, 0,
    0, 0, 0, 0, 0, 0, 0, :token, :boot, :expires)
ON CONFLICT (id) DO NOTHING
RETURNING number

-- name: begin_about
INSERT INTO about (run, owner, tags, note, error, record)
VALUES (:run, :owner, :tags, :note, '', :record)

-- name: add_tag
INSERT INTO tag (run, name) VALUES (:run, :name) ON CONFLICT DO NOTHING

-- name: add_param
INSERT INTO param (run, name, value, number) VALUES (:run, :name, :value, :number)
ON CONFLICT (run, name) DO UPDATE SET value = excluded.value, number = excluded.number

-- name: add_origin
INSERT INTO origin
    (run, started, seed, stack, day, person, host, python, revision, branch, dirty)
VALUES
    (:run, :started, :seed, :stack, :day, :person, :host, :python, :revision, :branch, :dirty)
ON CONFLICT (run) DO UPDATE SET started = excluded.started, seed = excluded.seed,
    stack = excluded.stack, day = excluded.day, person = excluded.person, host = excluded.host,
    python = excluded.python, revision = excluded.revision, branch = excluded.branch,
    dirty = excluded.dirty

-- name: refill_metric
UPDATE metric_last SET number = :number
WHERE EXISTS (SELECT 1 FROM metric m WHERE m.entry = metric_last.entry
    AND m.position = metric_last.position AND m.kind = :kind)

-- name: describe
UPDATE about SET record = :record WHERE run = :run

-- name: fence
UPDATE run SET
    position = position + :steps,
    total = total + :total,
    done = done + :done,
    reused = reused + :reused,
    failed = failed + :failed,
    skipped = skipped + :skipped,
    cancelled = cancelled + :cancelled,
    seen = :now,
    boot = :boot,
    expires = :expires
WHERE token = :token AND status = 'running'
RETURNING number, id, project, pipeline, position - :steps

-- name: recount
UPDATE run SET
    done = (SELECT count(*) FROM step WHERE run = :run AND own = 0 AND status = 'done'),
    reused = (SELECT count(*) FROM step WHERE run = :run AND own = 0 AND status = 'reused'),
    failed = (SELECT count(*) FROM step WHERE run = :run AND own = 0 AND status = 'failed'),
    skipped = (SELECT count(*) FROM step WHERE run = :run AND own = 0 AND status = 'skipped'),
    cancelled = (SELECT count(*) FROM step WHERE run = :run AND own = 0 AND status = 'cancelled')
WHERE number = :run

-- name: renew
UPDATE run SET seen = :now, boot = :boot, expires = :expires
WHERE token = :token AND status = 'running'

-- name: end_run
UPDATE run SET status = :status, ended = :at WHERE number = :run

-- name: end_about
UPDATE about SET error = :error WHERE run = :run

-- name: settle_run
UPDATE run SET status = 'crashed', ended = seen
WHERE number = :run AND status = 'running' AND token = :token AND expires = :expires

-- name: settle_steps
UPDATE step SET status = 'crashed' WHERE run = :run AND status = 'running'

-- name: place
SELECT id FROM place WHERE project = :project AND pipeline = :pipeline AND node = :node

-- name: known_places
SELECT node, id FROM place WHERE project = :project AND pipeline = :pipeline

-- name: add_place
INSERT INTO place (project, pipeline, node) VALUES (:project, :pipeline, :node)

-- name: add_call
INSERT INTO call (key, seed, withdrawn, run, ref, parts, metrics, record)
VALUES (:key, :seed, :withdrawn, :run, :ref, :parts, :metrics, :record)
RETURNING id

-- name: withdraw
UPDATE call SET withdrawn = :now WHERE key = :key AND withdrawn = 0 AND seed IN (:seed, :other)

-- name: add_step
INSERT INTO step (run, place, item, position, status, own, entry, detail)
VALUES (:run, :place, :item, :position, :status, :own, :entry, :detail)
ON CONFLICT (run, place, item) DO UPDATE SET
    status = excluded.status, own = excluded.own, entry = excluded.entry, detail = excluded.detail
WHERE step.status IN ('pending', 'running')

-- name: add_metric
INSERT INTO metric (entry, position, name, step, value, kind, at)
VALUES (:entry, :position, :name, :step, :value, :kind, :at)

-- name: add_metric_last
INSERT INTO metric_last (entry, name, position, number)
VALUES (:entry, :name, :position, :number)

-- name: add_made
INSERT INTO made (entry, kind, name, artifact)
SELECT :entry, :kind, :name, number FROM artifact WHERE id = :artifact

-- name: add_taken
INSERT INTO taken (entry, name, content) VALUES (:entry, :name, :content)

-- name: add_artifact
INSERT INTO artifact (id, content, run, boot, durable, created, inline, manifest)
VALUES (:id, :content, :run, :boot, :durable, :created, :inline, :manifest)
ON CONFLICT (id) DO UPDATE SET
    created = excluded.created, inline = excluded.inline, manifest = excluded.manifest

-- name: add_file
INSERT INTO file (artifact, digest)
SELECT number, :digest FROM artifact WHERE id = :artifact
ON CONFLICT DO NOTHING

-- name: add_member
INSERT INTO member (collection, item)
SELECT c.number, i.number FROM artifact c, artifact i WHERE c.id = :collection AND i.id = :item
ON CONFLICT DO NOTHING

-- name: add_text
INSERT INTO text (digest, packed, data) VALUES (:digest, :packed, :data) ON CONFLICT DO NOTHING

-- name: has_text
SELECT 1 FROM text WHERE digest = :digest

-- name: add_checkpoint
INSERT INTO checkpoint (key, run, artifact)
SELECT :key, :run, number FROM artifact WHERE id = :artifact
ON CONFLICT (key) DO UPDATE SET run = excluded.run, artifact = excluded.artifact

-- name: drop_checkpoint
DELETE FROM checkpoint WHERE key = :key

-- name: barrier
UPDATE artifact SET durable = 1 WHERE run = :run AND durable = 0

-- name: barrier_run
UPDATE run SET durable = 1 WHERE number = :run

-- name: vouch
UPDATE artifact SET durable = 1 WHERE id = :id

-- name: owner_of
SELECT number, id FROM run WHERE token = :token AND status = 'running'

-- name: add_claim
INSERT INTO claim (key, run) VALUES (:key, :run) ON CONFLICT DO NOTHING

-- name: add_claim_unless_known
INSERT INTO claim (key, run)
SELECT :key, :run WHERE NOT EXISTS (
    SELECT 1 FROM call WHERE key = :key AND withdrawn = 0 AND seed IN ('-1', :seed)
)
ON CONFLICT DO NOTHING

-- name: claimant
SELECT r.number, r.id, r.status, r.boot, r.expires, a.owner
FROM claim c LEFT JOIN run r ON r.number = c.run LEFT JOIN about a ON a.run = c.run
WHERE c.key = :key

-- name: take_claim
UPDATE claim SET run = :run WHERE key = :key

-- name: release
DELETE FROM claim WHERE key = :key AND run = :run

-- name: release_all
DELETE FROM claim WHERE run = :run

-- name: live
SELECT r.number, r.token, r.boot, r.expires, a.owner
FROM run r JOIN about a ON a.run = r.number
WHERE r.status = 'running'
