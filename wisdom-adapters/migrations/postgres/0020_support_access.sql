-- What tenants say to operators who want to act for their members. Under 'ask' an owner opens the tenant for some hours.
ALTER TABLE tenants ADD COLUMN support_mode text NOT NULL DEFAULT 'ask'
    CHECK (support_mode IN ('never', 'ask', 'always'));
ALTER TABLE tenants ADD COLUMN support_open_until timestamptz;
GRANT UPDATE (support_mode, support_open_until) ON tenants TO wisdom_app;

-- A tenant that closes ends what goes on in it. It sees no more of it than it is told anyway.
CREATE INDEX impersonations_of_tenant ON impersonations (tenant_id) WHERE ended_at IS NULL;
GRANT SELECT (id, tenant_id, operator_id, subject_id, expires_at, ended_at), UPDATE (ended_at) ON impersonations
    TO wisdom_app;

-- When an operator last asked, so that owners are not mailed without end.
CREATE TABLE impersonation_requests (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    operator_id uuid NOT NULL REFERENCES users (id),
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, operator_id)
);
ALTER TABLE impersonation_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE impersonation_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY wisdom_tenant ON impersonation_requests TO wisdom_app
    USING (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid);
CREATE POLICY wisdom_system ON impersonation_requests TO wisdom_system
    USING (current_user = 'wisdom_system') WITH CHECK (current_user = 'wisdom_system');

GRANT SELECT, INSERT, UPDATE (asked_at) ON impersonation_requests TO wisdom_system;
