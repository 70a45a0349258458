-- What runs are filtered and sorted by: parameters and metrics as numbers, and where a run comes from.

-- `value` is the text without quotes; nested parameters have rows of their own ("hyper.lr").
ALTER TABLE param ADD COLUMN number DOUBLE PRECISION;
DROP INDEX param_value;
CREATE INDEX param_name ON param (name);

-- NULL for NaN; infinities are numbers here.
ALTER TABLE metric_last ADD COLUMN number DOUBLE PRECISION;
UPDATE metric_last SET number = (
    SELECT m.value FROM metric m
    WHERE m.entry = metric_last.entry AND m.position = metric_last.position AND m.kind = ''
);
CREATE INDEX metric_last_name ON metric_last (name);

CREATE TABLE origin (
    run BIGINT PRIMARY KEY,
    started BIGINT NOT NULL,
    seed TEXT NOT NULL,
    stack TEXT NOT NULL,
    day TEXT NOT NULL,                -- the date that the run is for
    person TEXT NOT NULL,
    host TEXT NOT NULL,
    python TEXT NOT NULL,
    revision TEXT NOT NULL,
    branch TEXT NOT NULL,
    dirty BIGINT NOT NULL
);
