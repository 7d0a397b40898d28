-- Schema version 6: when a resumable stream was last used, so that only what is left over is purged.

ALTER TABLE stream ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
UPDATE stream SET used_at = opened_at;
