-- SQLite >= 3.35 and PostgreSQL >= 13. {identity}, {bytes} and {by_key} are what the two spell
-- differently; what is {by_key} lies in its primary key, with no second tree beside it.
-- Times are UTC microseconds, booleans 0 or 1; JSON is text that no statement looks into.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- A run, in what changes with every transaction and what lists are filtered by; kept small.
CREATE TABLE run (
    number {identity},
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    name TEXT NOT NULL,
    parent TEXT NOT NULL,
    status TEXT NOT NULL,
    created BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    seen BIGINT NOT NULL,             -- the last sign of life
    kept BIGINT NOT NULL,
    durable BIGINT NOT NULL,
    total BIGINT NOT NULL,
    done BIGINT NOT NULL,
    reused BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    position BIGINT NOT NULL,         -- how many step changes were appended
    token TEXT NOT NULL UNIQUE,       -- the fence: who holds it, writes
    boot TEXT NOT NULL,               -- whose clock `expires` is of
    expires BIGINT NOT NULL
);
CREATE INDEX run_created ON run (created, number);
CREATE INDEX run_live ON run (number) WHERE status = 'running';

-- A run, in what is long and seldom written.
CREATE TABLE about (
    run BIGINT PRIMARY KEY,
    owner TEXT NOT NULL,
    tags TEXT NOT NULL,
    note TEXT NOT NULL,
    error TEXT NOT NULL,
    record TEXT NOT NULL
);

CREATE TABLE tag (
    run BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (run, name)
);
CREATE INDEX tag_name ON tag (name);

CREATE TABLE param (
    run BIGINT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, name)
);
CREATE INDEX param_value ON param (name, value);

-- What a performed call was made of and what it gave. With withdrawn = 0 it is a cache entry;
-- otherwise the time when it ceased to be one (at once, for what is not cached).
CREATE TABLE call (
    id {identity},
    key TEXT NOT NULL,
    seed TEXT NOT NULL,               -- '-1': it did not draw
    withdrawn BIGINT NOT NULL,
    run BIGINT NOT NULL,              -- that performed it; it may be removed since
    ref TEXT NOT NULL,
    parts BIGINT NOT NULL,            -- whether the parts of the key are known
    metrics BIGINT NOT NULL,          -- how many rows of `metric`
    record TEXT NOT NULL
);
CREATE INDEX call_key ON call (key) WHERE withdrawn = 0;
CREATE INDEX call_ref ON call (ref, run);

-- The steps of pipelines, so that the rows of `step` are small.
CREATE TABLE place (
    id {identity},
    project TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    node TEXT NOT NULL,
    UNIQUE (project, pipeline, node)
);

CREATE TABLE step (
    run BIGINT NOT NULL,
    place BIGINT NOT NULL,
    item TEXT NOT NULL,               -- the index in its map
    position BIGINT NOT NULL,
    status TEXT NOT NULL,
    own BIGINT NOT NULL,              -- 1 for the row of a map itself, which is not counted
    entry BIGINT REFERENCES call (id),
    detail TEXT NOT NULL,
    PRIMARY KEY (run, place, item)
);
CREATE INDEX step_place ON step (place, item, run);
CREATE INDEX step_entry ON step (entry) WHERE entry IS NOT NULL;

CREATE TABLE metric (
    entry BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    step BIGINT,
    value DOUBLE PRECISION NOT NULL,
    kind TEXT NOT NULL,               -- '', or 'nan', 'inf', '-inf', '-0.0' beside a 0
    at BIGINT NOT NULL,
    PRIMARY KEY (entry, position)
);

-- The last value of each name, which runs are filtered and compared by.
CREATE TABLE metric_last (
    entry BIGINT NOT NULL,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (entry, name)
);

CREATE TABLE claim (
    key TEXT PRIMARY KEY,
    run BIGINT NOT NULL
) {by_key};

CREATE TABLE artifact (
    number {identity},
    id TEXT NOT NULL UNIQUE,
    content TEXT NOT NULL,
    run BIGINT NOT NULL,              -- that recorded it first
    boot TEXT NOT NULL,
    durable BIGINT NOT NULL,
    created BIGINT NOT NULL,          -- or recorded again
    inline {bytes},
    manifest TEXT NOT NULL
);
CREATE INDEX artifact_pending ON artifact (run) WHERE durable = 0;

CREATE TABLE file (
    artifact BIGINT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (artifact, digest)
);
CREATE INDEX file_digest ON file (digest);

CREATE TABLE member (
    collection BIGINT NOT NULL,
    item BIGINT NOT NULL,
    PRIMARY KEY (collection, item)
);

-- Edges: what a call made (as 'output', 'logged' or 'extra') and what it took.
CREATE TABLE made (
    entry BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    artifact BIGINT NOT NULL
);
CREATE INDEX made_artifact ON made (artifact);

CREATE TABLE taken (
    entry BIGINT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX taken_content ON taken (content);

CREATE TABLE checkpoint (
    key TEXT PRIMARY KEY,
    run BIGINT NOT NULL,
    artifact BIGINT NOT NULL
);

CREATE TABLE text (
    digest TEXT PRIMARY KEY,
    packed BIGINT NOT NULL,           -- 1 if compressed
    data {bytes} NOT NULL
);

CREATE TABLE memo (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
