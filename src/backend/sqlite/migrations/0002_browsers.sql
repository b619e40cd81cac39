-- The browsers by which a user logged in, known by the hash of their cookie: a few for each user, the latest.
CREATE TABLE browsers (
    user_id      TEXT NOT NULL REFERENCES users (id),
    hash         BLOB NOT NULL CHECK (length(hash) = 32),
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;
