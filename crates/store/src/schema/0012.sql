-- Schema version 12: who is gone from a directory, and who shares a mail address, without looking at everybody.

CREATE INDEX user_origin_gone ON user_origin (directory) WHERE missing_since IS NOT NULL;
CREATE INDEX account_mail ON account (domain, lower(mail)) WHERE mail <> '';
