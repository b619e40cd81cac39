-- The name and the password hash (argon2id, a PHC string) by which a user signs in without a phone.
CREATE TABLE accounts (
    user_id    TEXT PRIMARY KEY REFERENCES users (id),
    name       TEXT NOT NULL UNIQUE,
    hash       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
