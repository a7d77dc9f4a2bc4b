CREATE TABLE api_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    public_id text NOT NULL UNIQUE,
    name text NOT NULL,
    owner_id uuid REFERENCES users (id),
    creator_id uuid NOT NULL REFERENCES users (id),
    role text NOT NULL,
    scopes jsonb NOT NULL,
    addresses jsonb NOT NULL,
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    secret_at timestamptz NOT NULL,
    previous_hash bytea CHECK (octet_length(previous_hash) = 32),
    previous_until timestamptz,
    expires_at timestamptz,
    last_used_at timestamptz,
    needs_review boolean NOT NULL,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((previous_hash IS NULL) = (previous_until IS NULL))
);
CREATE INDEX api_keys_by_age ON api_keys (tenant_id, created_at, id);
CREATE INDEX api_keys_of_owner ON api_keys (tenant_id, owner_id, created_at, id);
CREATE INDEX api_keys_of_creator ON api_keys (tenant_id, creator_id) WHERE revoked_at IS NULL;

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY wisdom_tenant ON api_keys TO wisdom_app
    USING (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid);
CREATE POLICY wisdom_system ON api_keys TO wisdom_system
    USING (current_user = 'wisdom_system') WITH CHECK (current_user = 'wisdom_system');

GRANT SELECT, INSERT ON api_keys TO wisdom_app;
GRANT UPDATE (name, secret_hash, secret_at, previous_hash, previous_until, needs_review, revoked_at, version)
    ON api_keys TO wisdom_app;
GRANT SELECT, UPDATE (last_used_at) ON api_keys TO wisdom_system;
