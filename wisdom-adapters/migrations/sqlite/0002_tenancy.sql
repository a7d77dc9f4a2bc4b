CREATE TABLE tenants (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    region TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    owner_count INTEGER NOT NULL CONSTRAINT tenants_owner_count_check CHECK (owner_count >= 1),
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE memberships (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, user_id)
) STRICT;
CREATE INDEX memberships_by_age ON memberships (tenant_id, created_at, id);
CREATE INDEX memberships_of_user ON memberships (user_id, created_at, id);

CREATE TABLE invitations (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL CHECK (length(id) = 16),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    invited_by BLOB NOT NULL REFERENCES users (id),
    accepted_by BLOB REFERENCES users (id),
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    sends INTEGER NOT NULL,
    sent_since INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX invitations_pending_key ON invitations (tenant_id, email_key) WHERE state = 'pending';
CREATE INDEX invitations_by_age ON invitations (tenant_id, created_at, id);
CREATE INDEX invitations_by_state ON invitations (tenant_id, state, created_at, id);
