CREATE TABLE external_identities (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id),
    provider TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    email TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    UNIQUE (issuer, subject)
) STRICT;
CREATE INDEX external_identities_user ON external_identities (user_id, created_at, id);

CREATE TABLE provider_attempts (
    state_hash BLOB PRIMARY KEY CHECK (length(state_hash) = 32),
    binding_hash BLOB NOT NULL CHECK (length(binding_hash) = 32),
    provider TEXT NOT NULL,
    user_id BLOB REFERENCES users (id),
    return_to TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX provider_attempts_expired ON provider_attempts (expires_at);
