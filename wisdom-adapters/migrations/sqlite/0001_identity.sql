CREATE TABLE users (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    email_verified_at INTEGER,
    display_name TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE password_credentials (
    user_id BLOB PRIMARY KEY REFERENCES users (id),
    phc TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id),
    bound_tenant BLOB CHECK (length(bound_tenant) = 16),
    label TEXT NOT NULL,
    generation INTEGER NOT NULL,
    generation_at INTEGER NOT NULL,
    confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    replays INTEGER NOT NULL,
    sealed_key BLOB NOT NULL,
    authenticated_at INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    absolute_until INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_reason TEXT,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
) STRICT;
CREATE INDEX sessions_live ON sessions (user_id, created_at, id) WHERE revoked_at IS NULL;

CREATE TABLE one_time_tokens (
    user_id BLOB NOT NULL REFERENCES users (id),
    purpose TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    email TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, purpose)
) STRICT;
