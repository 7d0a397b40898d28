-- Schema version 8: alarms, and the places they are sent to.

-- One row from an alarm's being raised until it is cleared; raised again later it gets another one.
CREATE TABLE alarm (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    detail_en TEXT NOT NULL,
    detail_ja TEXT NOT NULL,
    acknowledged_at BIGINT,
    acknowledged_by TEXT,
    cleared_at BIGINT
) WITHOUT ROWID;

CREATE INDEX alarm_cleared ON alarm (cleared_at);

-- config: JSON in words of the kind. secret: sealed.
CREATE TABLE alarm_target (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    config TEXT NOT NULL,
    secret BLOB,
    enabled BOOLEAN NOT NULL
) WITHOUT ROWID;
