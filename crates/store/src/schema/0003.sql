-- Schema version 3: accounts have a domain; a name is one of its domain. SQLite can't change a UNIQUE in place, so the table
-- is made anew. Rows from before have an empty domain until the database is opened for one.

CREATE TABLE new_account (
    user_key INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    domain TEXT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    mail TEXT NOT NULL,
    telephone TEXT NOT NULL,
    language TEXT,
    enabled BOOLEAN NOT NULL,
    calendar BOOLEAN NOT NULL,
    roster_version BIGINT NOT NULL DEFAULT 0,
    UNIQUE (domain, name)
);

INSERT INTO new_account (user_key, id, domain, name, display_name, mail, telephone, language, enabled, calendar, roster_version)
SELECT user_key, id, '', name, display_name, mail, telephone, language, enabled, calendar, roster_version FROM account;

-- The greatest key ever given, which may be that of a removed user.
DELETE FROM sqlite_sequence WHERE name = 'new_account';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_account', seq FROM sqlite_sequence WHERE name = 'account';

DROP TABLE account;
ALTER TABLE new_account RENAME TO account;
