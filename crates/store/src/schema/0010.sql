-- Schema version 10: which services an administrator wants on a node, and which not. Without a row a service is wanted.

CREATE TABLE service (
    node TEXT NOT NULL,
    service TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    PRIMARY KEY (node, service)
);
