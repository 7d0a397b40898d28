-- Schema version 14: who an administrator is at an OpenID provider. `managed`: the provider's word made the account and says its role.

CREATE TABLE admin_identity (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    admin BLOB NOT NULL,
    managed BOOLEAN NOT NULL,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
) WITHOUT ROWID;
CREATE UNIQUE INDEX admin_identity_by_admin ON admin_identity (admin);
