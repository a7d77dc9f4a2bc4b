-- What tenants say to operators who want to act for their members. Under 'ask' an owner opens the tenant for some hours.
ALTER TABLE tenants ADD COLUMN support_mode TEXT NOT NULL DEFAULT 'ask'
    CHECK (support_mode IN ('never', 'ask', 'always'));
ALTER TABLE tenants ADD COLUMN support_open_until INTEGER;

CREATE INDEX impersonations_of_tenant ON impersonations (tenant_id) WHERE ended_at IS NULL;

-- When an operator last asked, so that owners are not mailed without end.
CREATE TABLE impersonation_requests (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    operator_id BLOB NOT NULL REFERENCES users (id),
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, operator_id)
) STRICT;
