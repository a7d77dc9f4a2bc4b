CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    state text NOT NULL,
    region text NOT NULL,
    epoch bigint NOT NULL,
    owner_count bigint NOT NULL CONSTRAINT tenants_owner_count_check CHECK (owner_count >= 1),
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE memberships (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    role text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, user_id)
);
CREATE INDEX memberships_by_age ON memberships (tenant_id, created_at, id);
CREATE INDEX memberships_of_user ON memberships (user_id, created_at, id);

CREATE TABLE invitations (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    email text NOT NULL,
    email_key text NOT NULL,
    role text NOT NULL,
    state text NOT NULL,
    invited_by uuid NOT NULL REFERENCES users (id),
    accepted_by uuid REFERENCES users (id),
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    sends bigint NOT NULL,
    sent_since timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX invitations_pending_key ON invitations (tenant_id, email_key) WHERE state = 'pending';
CREATE INDEX invitations_by_age ON invitations (tenant_id, created_at, id);
CREATE INDEX invitations_by_state ON invitations (tenant_id, state, created_at, id);
