-- Schema version 5: jobs, and which node holds a role.

-- state: waiting, running, done, failed, cancelled. cursor: how far it came, in words of its kind; written with the work itself.
-- resumed: starts after the first one since something was last done.
CREATE TABLE job (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    input TEXT NOT NULL,
    actor TEXT NOT NULL,
    state TEXT NOT NULL,
    cancel BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    done BIGINT NOT NULL DEFAULT 0,
    total BIGINT,
    cursor TEXT NOT NULL DEFAULT '',
    summary TEXT NOT NULL DEFAULT '{}',
    resumed BIGINT NOT NULL DEFAULT 0,
    log_lines BIGINT NOT NULL DEFAULT 0,
    log_dropped BIGINT NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX job_state ON job (state, due_at);

CREATE TABLE job_log (
    job BLOB NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    en TEXT NOT NULL,
    ja TEXT NOT NULL,
    PRIMARY KEY (job, position)
) WITHOUT ROWID;

-- Who does what only one node may do. epoch grows with each holder; a write of the role names it, and an older one is refused.
CREATE TABLE role (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    until BIGINT NOT NULL
) WITHOUT ROWID;
