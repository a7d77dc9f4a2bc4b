CREATE TABLE api_keys (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL CHECK (length(id) = 16),
    public_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    owner_id BLOB REFERENCES users (id),
    creator_id BLOB NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    addresses TEXT NOT NULL,
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    secret_at INTEGER NOT NULL,
    previous_hash BLOB CHECK (length(previous_hash) = 32),
    previous_until INTEGER,
    expires_at INTEGER,
    last_used_at INTEGER,
    needs_review INTEGER NOT NULL CHECK (needs_review IN (0, 1)),
    revoked_at INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((previous_hash IS NULL) = (previous_until IS NULL))
) STRICT;
CREATE INDEX api_keys_by_age ON api_keys (tenant_id, created_at, id);
CREATE INDEX api_keys_of_owner ON api_keys (tenant_id, owner_id, created_at, id);
CREATE INDEX api_keys_of_creator ON api_keys (tenant_id, creator_id) WHERE revoked_at IS NULL;
