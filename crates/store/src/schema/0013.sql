-- Schema version 13: certificates that are shown in place of the node's own, signing requests under way, authorities that are believed
-- besides the operating system's, and ACME. Keys and accounts are sealed.

CREATE TABLE certificate (
    purpose TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    chain TEXT NOT NULL,
    key BLOB NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE certificate_request (
    purpose TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    key BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE trusted_authority (
    fingerprint TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    certificate BLOB NOT NULL,
    added_at BIGINT NOT NULL
);

CREATE TABLE acme (
    only BIGINT PRIMARY KEY CHECK (only = 1),
    config TEXT NOT NULL,
    account BLOB,
    state TEXT NOT NULL
);
