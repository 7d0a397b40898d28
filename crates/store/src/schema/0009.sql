-- Schema version 9: SCRAM keys made of passwords that an LDAP directory took, for a bounded time. They count only for the very
-- entry (directory, place) that took the password.

CREATE TABLE kept_keys (
    user_key INTEGER PRIMARY KEY,
    directory BLOB NOT NULL,
    place TEXT NOT NULL,
    kept_at BIGINT NOT NULL,
    sha256_salt BLOB NOT NULL, sha256_iterations BIGINT NOT NULL, sha256_stored BLOB NOT NULL, sha256_server BLOB NOT NULL,
    sha1_salt BLOB NOT NULL, sha1_iterations BIGINT NOT NULL, sha1_stored BLOB NOT NULL, sha1_server BLOB NOT NULL
);
