-- Operators acting for members.
CREATE TABLE impersonations (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    public_id TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    operator_id BLOB NOT NULL REFERENCES users (id),
    session_id BLOB NOT NULL,
    subject_id BLOB NOT NULL REFERENCES users (id),
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    reason TEXT NOT NULL,
    may_write INTEGER NOT NULL CHECK (may_write IN (0, 1)),
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX impersonations_of_operator ON impersonations (operator_id, started_at, id);
