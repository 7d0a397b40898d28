-- Schema version 16: users are counted, and listed, by whether they are enabled without reading the rows of all; directory URIs
-- that several have are found as mail addresses are (version 12).

CREATE INDEX account_enabled ON account (domain, enabled, name);
CREATE INDEX profile_directory_uri ON profile (lower(directory_uri)) WHERE directory_uri <> '';
