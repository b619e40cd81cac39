-- Who wants to be told of which login events; seen_at is when a gateway last said so.
CREATE TABLE event_sinks (
    sink    TEXT NOT NULL,
    type    TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (sink, type)
);

-- The outbox: a row for each event and each sink that wants it, written in the transaction in which the event happens.
-- It may be taken from due_at on; whoever takes it moves due_at to the end of his time to deliver it.
CREATE TABLE events (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL,
    sink         TEXT NOT NULL,
    type         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    user_id      TEXT,
    at           INTEGER NOT NULL,
    data         TEXT NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    due_at       INTEGER NOT NULL,
    delivered_at INTEGER,
    dead_at      INTEGER,
    error        TEXT,
    UNIQUE (id, sink)
);
CREATE INDEX events_waiting ON events (sink, position) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX events_delivered ON events (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX events_dead ON events (dead_at) WHERE dead_at IS NOT NULL;
CREATE INDEX events_by_age ON events (at);
CREATE INDEX events_of_user ON events (user_id) WHERE user_id IS NOT NULL;
