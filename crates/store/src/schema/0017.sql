-- Schema version 17: the user id, where the address is made of something else. Without one the name is the user id too. Names
-- and user ids of a domain are all different, so that whoever is named is one person.

ALTER TABLE account ADD COLUMN user_id TEXT;
CREATE UNIQUE INDEX account_user_id ON account (domain, user_id) WHERE user_id IS NOT NULL;
