-- Schema version 4: directories outside (LDAP, a call manager), what they say of users, and who is enabled for IM and presence.

ALTER TABLE account ADD COLUMN im BOOLEAN NOT NULL DEFAULT TRUE;

-- What an account's row does not hold. held: bits of the fields that an administrator has set against the directory.
-- home_cluster, node: where the user is homed; not assigned while NULL.
CREATE TABLE profile (
    user_key INTEGER PRIMARY KEY,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    phonetic_name TEXT NOT NULL,
    directory_uri TEXT NOT NULL,
    department TEXT NOT NULL,
    title TEXT NOT NULL,
    home_cluster TEXT,
    node TEXT,
    held SMALLINT NOT NULL DEFAULT 0
);

CREATE TABLE user_number (
    user_key BIGINT NOT NULL,
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    PRIMARY KEY (user_key, position)
) WITHOUT ROWID;

CREATE TABLE user_device (
    user_key BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (user_key, name)
) WITHOUT ROWID;

CREATE TABLE directory (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    config TEXT NOT NULL,
    secret BLOB,
    enabled BOOLEAN NOT NULL
) WITHOUT ROWID;

-- The last synchronisation, and the last one that succeeded: JSON.
CREATE TABLE directory_run (
    directory BLOB PRIMARY KEY,
    ended_at BIGINT NOT NULL,
    last TEXT NOT NULL,
    last_good TEXT
) WITHOUT ROWID;

-- Whose account belongs to which entry. active: the entry is there and not locked.
CREATE TABLE user_origin (
    user_key INTEGER PRIMARY KEY,
    directory BLOB NOT NULL,
    source_key TEXT NOT NULL,
    place TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    missing_since BIGINT,
    UNIQUE (directory, source_key)
);

-- Entries that made or changed no user when the directory was last read.
CREATE TABLE directory_problem (
    directory BLOB NOT NULL,
    position BIGINT NOT NULL,
    code TEXT NOT NULL,
    source_key TEXT,
    place TEXT NOT NULL,
    name TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (directory, position)
) WITHOUT ROWID;

-- Entries that an administrator leaves out for good.
CREATE TABLE directory_ignored (
    directory BLOB NOT NULL,
    source_key TEXT NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (directory, source_key)
) WITHOUT ROWID;
