-- Schema version 11: the names that users had before. Who writes to one of them learns the new address, until somebody else gets it.

CREATE TABLE user_alias (
    domain TEXT NOT NULL,
    name TEXT NOT NULL,
    user_key BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (domain, name)
) WITHOUT ROWID;
CREATE INDEX user_alias_by_user ON user_alias (user_key, at);

-- Whose block lists name an address (family 2), for the renaming of its user.
CREATE INDEX doc_blocked ON doc (doc_key) WHERE family = 2;
