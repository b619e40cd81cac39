-- When WeChat told name and picture last; what was known before this column was told when its user was made.
ALTER TABLE users ADD COLUMN profiled_at BIGINT;
UPDATE users SET profiled_at = created_at WHERE name IS NOT NULL;
-- A user who became one with another, or was erased: the row holds the id alone, which is never used again.
ALTER TABLE users ADD COLUMN gone_at BIGINT;
ALTER TABLE users ADD COLUMN merged_into TEXT REFERENCES users (id);

CREATE INDEX merged_users ON users (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX identities_of_user ON identities (user_id);
CREATE INDEX unions_of_user ON unions (user_id);
CREATE INDEX sessions_of_user ON sessions (user_id);

-- An identity of one user came with a unionid of another; an operator says whether they are one person.
CREATE TABLE conflicts (
    id           TEXT PRIMARY KEY,
    at           BIGINT NOT NULL,
    app_id       TEXT NOT NULL,
    openid       TEXT NOT NULL,
    unionid      TEXT NOT NULL,
    user_id      TEXT NOT NULL REFERENCES users (id),
    other_id     TEXT NOT NULL REFERENCES users (id),
    dismissed_at BIGINT,
    UNIQUE (user_id, other_id)
);

CREATE INDEX conflicts_of_other ON conflicts (other_id);
