-- Schema version 1. SQLite's dialect only in AUTOINCREMENT (never use a key twice) and WITHOUT ROWID (clustered keys).
-- Times are microseconds since the epoch; ids of users and gateways are the 16 bytes of their UUID.

CREATE TABLE account (
    user_key INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    mail TEXT NOT NULL,
    telephone TEXT NOT NULL,
    language TEXT,
    enabled BOOLEAN NOT NULL,
    calendar BOOLEAN NOT NULL,
    roster_version BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE credentials (
    user_key INTEGER PRIMARY KEY,
    sha256_salt BLOB, sha256_iterations BIGINT, sha256_stored BLOB, sha256_server BLOB,
    sha1_salt BLOB, sha1_iterations BIGINT, sha1_stored BLOB, sha1_server BLOB
);

-- group_names: each name followed by U+001F, which XML cannot carry.
CREATE TABLE roster (
    user_key BIGINT NOT NULL,
    jid TEXT NOT NULL,
    name TEXT NOT NULL,
    group_names TEXT NOT NULL,
    subscription SMALLINT NOT NULL,
    ask BOOLEAN NOT NULL,
    approved BOOLEAN NOT NULL,
    visible BOOLEAN NOT NULL,
    pending_in BLOB,
    PRIMARY KEY (user_key, jid)
) WITHOUT ROWID;

-- The key is a BLOB because keys of PEP items hold U+0000, which text of other databases cannot.
CREATE TABLE doc (
    user_key BIGINT NOT NULL,
    family SMALLINT NOT NULL,
    doc_key BLOB NOT NULL,
    put_order BIGINT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (user_key, family, doc_key)
) WITHOUT ROWID;

-- owner_a, owner_b: whose archives hold it; receiver: who had to acknowledge it when it was written.
-- The row lives while any of them has a row in archive or pending.
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    owner_a BIGINT,
    owner_b BIGINT,
    receiver BIGINT,
    stanza BLOB NOT NULL
);

-- No index by peer: rows of one owner lie together, so looking through 100,000 of them takes some milliseconds, while
-- an index would double what each message costs to write (measured: 31 instead of 14 microseconds of CPU).
CREATE TABLE archive (
    owner BIGINT NOT NULL,
    id BIGINT NOT NULL,
    peer TEXT NOT NULL,
    PRIMARY KEY (owner, id)
) WITHOUT ROWID;

CREATE TABLE pending (
    user_key BIGINT NOT NULL,
    id BIGINT NOT NULL,
    PRIMARY KEY (user_key, id)
) WITHOUT ROWID;

-- Users who are gone while their archives are still being emptied.
CREATE TABLE removed_user (user_key INTEGER PRIMARY KEY);

CREATE TABLE stream (
    token BLOB PRIMARY KEY,
    user_key BIGINT NOT NULL,
    resource TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    h BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE last_seen (
    user_key INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    status TEXT NOT NULL
);

CREATE TABLE gateway (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    config TEXT NOT NULL,
    secret BLOB,
    enabled BOOLEAN NOT NULL
) WITHOUT ROWID;

CREATE TABLE gateway_health (
    gateway BLOB PRIMARY KEY,
    up BOOLEAN NOT NULL,
    since BIGINT NOT NULL,
    checked_at BIGINT NOT NULL,
    reason TEXT
) WITHOUT ROWID;

CREATE TABLE calendar_user (
    user_key BIGINT NOT NULL,
    gateway BLOB NOT NULL,
    fetched_at BIGINT NOT NULL,
    error TEXT,
    PRIMARY KEY (user_key, gateway)
) WITHOUT ROWID;

CREATE TABLE calendar_interval (
    user_key BIGINT NOT NULL,
    gateway BLOB NOT NULL,
    position BIGINT NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    PRIMARY KEY (user_key, gateway, position)
) WITHOUT ROWID;

CREATE TABLE setting (setting_key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE meta (meta_key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL) WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    before_json TEXT,
    after_json TEXT
);
CREATE INDEX audit_by_object ON audit (object, id);
