-- Schema version 19: the key by which an ACME authority knows to whom an account belongs (RFC 8555, section 7.3.4), sealed.

ALTER TABLE acme ADD COLUMN binding BLOB;
