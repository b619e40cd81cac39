-- The keys of all gateways, wrapped with token.master_key. One row, which is replaced whole.
CREATE TABLE sealed_keys (
    one      BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    revision BIGINT NOT NULL,
    sealed   BYTEA NOT NULL
);
