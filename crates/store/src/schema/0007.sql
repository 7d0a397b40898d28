-- Schema version 7: whose rosters name an address, for the removal of its user.

CREATE INDEX roster_jid ON roster (jid);
