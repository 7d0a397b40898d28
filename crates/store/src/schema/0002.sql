-- Administrators, how they are signed in, and their API tokens. `key` columns hold SHA-256 of what the holder has.
-- password: Argon2id in PHC form. totp: sealed. totp_step: the last time step used, so that no code counts twice.
-- recovery: SHA-256 of each unused recovery code, 32 bytes after each other.
CREATE TABLE admin (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    password TEXT,
    totp BLOB,
    totp_step BIGINT NOT NULL,
    recovery BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    signed_in_at BIGINT
) WITHOUT ROWID;

CREATE TABLE admin_session (
    session_key BLOB PRIMARY KEY,
    admin BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX admin_session_by_admin ON admin_session (admin, used_at);

-- scopes: words with blanks between them.
CREATE TABLE api_token (
    id BLOB PRIMARY KEY,
    token_key BLOB NOT NULL UNIQUE,
    admin BLOB NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT,
    UNIQUE (admin, name)
) WITHOUT ROWID;

CREATE INDEX audit_by_time ON audit (at);
