-- Operators acting for members. The app's role has no part in it; the policies stand because the row is a tenant's.
CREATE TABLE impersonations (
    id uuid PRIMARY KEY,
    public_id text NOT NULL UNIQUE,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    operator_id uuid NOT NULL REFERENCES users (id),
    session_id uuid NOT NULL,
    subject_id uuid NOT NULL REFERENCES users (id),
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    reason text NOT NULL,
    may_write boolean NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX impersonations_of_operator ON impersonations (operator_id, started_at, id);

ALTER TABLE impersonations ENABLE ROW LEVEL SECURITY;
ALTER TABLE impersonations FORCE ROW LEVEL SECURITY;
CREATE POLICY wisdom_tenant ON impersonations TO wisdom_app
    USING (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid);
CREATE POLICY wisdom_system ON impersonations TO wisdom_system
    USING (current_user = 'wisdom_system') WITH CHECK (current_user = 'wisdom_system');

GRANT SELECT, INSERT, UPDATE (ended_at) ON impersonations TO wisdom_system;
