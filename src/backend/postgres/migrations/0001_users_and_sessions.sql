-- Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    name          TEXT,
    -- Where WeChat keeps a picture, and the name by which the gateway serves it.
    avatar_source TEXT,
    avatar_id     TEXT UNIQUE,
    created_at    BIGINT NOT NULL
);

-- One person in one WeChat account.
CREATE TABLE identities (
    app_id     TEXT NOT NULL,
    openid     TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (app_id, openid)
);

-- One person in all accounts of one company: a unionid leads to one user, or the login is ambiguous.
CREATE TABLE unions (
    unionid    TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id),
    app          TEXT NOT NULL,
    browser      TEXT NOT NULL,
    system       TEXT NOT NULL,
    ip           TEXT NOT NULL,
    generation   BIGINT NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    rotated_at   BIGINT NOT NULL,
    refresh_hash BYTEA NOT NULL CHECK (length(refresh_hash) = 32),
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    ended_at     BIGINT,
    end_reason   TEXT CHECK ((end_reason IS NULL) = (ended_at IS NULL))
);

CREATE INDEX live_sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX ended_sessions ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- The browsers by which a user logged in, known by the hash of their cookie: a few for each user, the latest.
CREATE TABLE browsers (
    user_id      TEXT NOT NULL REFERENCES users (id),
    hash         BYTEA NOT NULL CHECK (length(hash) = 32),
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, hash)
);
