-- Schema version 16: users are counted, and listed, by whether they are enabled without reading the rows of all.

CREATE INDEX account_enabled ON account (domain, enabled, name);
