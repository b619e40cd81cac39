ALTER TABLE sessions RENAME COLUMN revoked_at TO ended_at;
ALTER TABLE sessions ADD COLUMN end_reason TEXT;
UPDATE sessions SET end_reason = 'signed_out' WHERE ended_at IS NOT NULL;
CREATE INDEX ended_sessions ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Where WeChat keeps a picture, and the name by which the gateway serves it.
ALTER TABLE users RENAME COLUMN avatar TO avatar_source;
ALTER TABLE users ADD COLUMN avatar_id TEXT;
UPDATE users SET avatar_source = NULL;
CREATE UNIQUE INDEX avatars ON users (avatar_id);
