-- Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    name       TEXT,
    avatar     TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One person in one WeChat account.
CREATE TABLE identities (
    app_id     TEXT NOT NULL,
    openid     TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, openid)
) STRICT, WITHOUT ROWID;

-- One person in all accounts of one company: a unionid leads to one user, or the login is ambiguous.
CREATE TABLE unions (
    unionid    TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id),
    app          TEXT NOT NULL,
    browser      TEXT NOT NULL,
    system       TEXT NOT NULL,
    ip           TEXT NOT NULL,
    generation   INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    rotated_at   INTEGER NOT NULL,
    refresh_hash BLOB NOT NULL CHECK (length(refresh_hash) = 32),
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX live_sessions_of_user ON sessions (user_id) WHERE revoked_at IS NULL;
