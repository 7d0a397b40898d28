-- Schema version 18: which mail addresses and directory URIs several users have is known without looking at everybody. A value is
-- listed while more than one user has it (of one domain; a URI: of all). Triggers keep the lists, so that no way of writing
-- can pass by them; each costs a look at an index when a value comes or goes. A step that makes account or profile anew must make them anew.

CREATE TABLE shared_mail (
    domain TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (domain, value)
) WITHOUT ROWID;

CREATE TABLE shared_directory_uri (
    value TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;

INSERT INTO shared_mail (domain, value)
SELECT domain, lower(mail) FROM account WHERE mail <> '' GROUP BY domain, lower(mail) HAVING count(*) > 1;

INSERT INTO shared_directory_uri (value)
SELECT lower(directory_uri) FROM profile WHERE directory_uri <> '' GROUP BY lower(directory_uri) HAVING count(*) > 1;

-- Two of those who have a value are enough to know: it may be thousands.
CREATE TRIGGER account_mail_comes AFTER INSERT ON account WHEN NEW.mail <> '' BEGIN
    INSERT INTO shared_mail (domain, value) SELECT NEW.domain, lower(NEW.mail)
    WHERE EXISTS (SELECT 1 FROM account a WHERE a.domain = NEW.domain AND lower(a.mail) = lower(NEW.mail) AND a.mail <> ''
        AND a.user_key <> NEW.user_key)
    AND NOT EXISTS (SELECT 1 FROM shared_mail s WHERE s.domain = NEW.domain AND s.value = lower(NEW.mail));
END;

CREATE TRIGGER account_mail_changes AFTER UPDATE OF domain, mail ON account
WHEN NEW.domain <> OLD.domain OR NEW.mail <> OLD.mail BEGIN
    DELETE FROM shared_mail WHERE domain = OLD.domain AND value = lower(OLD.mail) AND 2 > (SELECT count(*) FROM
        (SELECT 1 FROM account a WHERE a.domain = OLD.domain AND lower(a.mail) = lower(OLD.mail) AND a.mail <> '' LIMIT 2));
    INSERT INTO shared_mail (domain, value) SELECT NEW.domain, lower(NEW.mail)
    WHERE NEW.mail <> '' AND EXISTS (SELECT 1 FROM account a WHERE a.domain = NEW.domain AND lower(a.mail) = lower(NEW.mail)
        AND a.mail <> '' AND a.user_key <> NEW.user_key)
    AND NOT EXISTS (SELECT 1 FROM shared_mail s WHERE s.domain = NEW.domain AND s.value = lower(NEW.mail));
END;

CREATE TRIGGER account_mail_goes AFTER DELETE ON account WHEN OLD.mail <> '' BEGIN
    DELETE FROM shared_mail WHERE domain = OLD.domain AND value = lower(OLD.mail) AND 2 > (SELECT count(*) FROM
        (SELECT 1 FROM account a WHERE a.domain = OLD.domain AND lower(a.mail) = lower(OLD.mail) AND a.mail <> '' LIMIT 2));
END;

CREATE TRIGGER profile_uri_comes AFTER INSERT ON profile WHEN NEW.directory_uri <> '' BEGIN
    INSERT INTO shared_directory_uri (value) SELECT lower(NEW.directory_uri)
    WHERE EXISTS (SELECT 1 FROM profile p WHERE lower(p.directory_uri) = lower(NEW.directory_uri) AND p.directory_uri <> ''
        AND p.user_key <> NEW.user_key)
    AND NOT EXISTS (SELECT 1 FROM shared_directory_uri s WHERE s.value = lower(NEW.directory_uri));
END;

CREATE TRIGGER profile_uri_changes AFTER UPDATE OF directory_uri ON profile WHEN NEW.directory_uri <> OLD.directory_uri BEGIN
    DELETE FROM shared_directory_uri WHERE value = lower(OLD.directory_uri) AND 2 > (SELECT count(*) FROM
        (SELECT 1 FROM profile p WHERE lower(p.directory_uri) = lower(OLD.directory_uri) AND p.directory_uri <> '' LIMIT 2));
    INSERT INTO shared_directory_uri (value) SELECT lower(NEW.directory_uri)
    WHERE NEW.directory_uri <> '' AND EXISTS (SELECT 1 FROM profile p WHERE lower(p.directory_uri) = lower(NEW.directory_uri)
        AND p.directory_uri <> '' AND p.user_key <> NEW.user_key)
    AND NOT EXISTS (SELECT 1 FROM shared_directory_uri s WHERE s.value = lower(NEW.directory_uri));
END;

CREATE TRIGGER profile_uri_goes AFTER DELETE ON profile WHEN OLD.directory_uri <> '' BEGIN
    DELETE FROM shared_directory_uri WHERE value = lower(OLD.directory_uri) AND 2 > (SELECT count(*) FROM
        (SELECT 1 FROM profile p WHERE lower(p.directory_uri) = lower(OLD.directory_uri) AND p.directory_uri <> '' LIMIT 2));
END;
