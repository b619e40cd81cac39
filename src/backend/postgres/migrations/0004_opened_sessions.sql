-- For the housekeeping that forgets what is over for long.
CREATE INDEX opened_sessions ON sessions (created_at);
