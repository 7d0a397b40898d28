-- Schema version 15: how people are found, one row a user, in the order of lists. folded: what is known of the user in the form
-- in which it is compared, pieces ended by U+001F. listed: others may find the user. The rows are made when the database is
-- opened, since SQL cannot fold.

CREATE TABLE user_search (
    domain TEXT NOT NULL,
    name TEXT NOT NULL,
    user_key BIGINT NOT NULL UNIQUE,
    listed BOOLEAN NOT NULL,
    folded TEXT NOT NULL,
    PRIMARY KEY (domain, name)
) WITHOUT ROWID;

-- The user does not want to be found, or shall not be.
ALTER TABLE profile ADD COLUMN unlisted BOOLEAN NOT NULL DEFAULT FALSE;
