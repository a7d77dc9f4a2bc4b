-- No foreign key to the tenant on rows that every commit writes: it would lock the tenant's row each time.
-- `scope_id` stands for the tenant, or for "no tenant" as all zeros, where an index has to compare it.
CREATE TABLE outbox_events (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    tenant_id BLOB,
    scope_id BLOB NOT NULL GENERATED ALWAYS AS
        (coalesce(tenant_id, x'00000000000000000000000000000000')) STORED,
    seq INTEGER NOT NULL,
    ordering_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    audience TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BLOB,
    occurred_at INTEGER NOT NULL,
    trace TEXT NOT NULL,
    data TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    due_at INTEGER NOT NULL,
    lease_until INTEGER,
    fence INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    settled_at INTEGER,
    UNIQUE (tenant_id, id)
) STRICT;
CREATE INDEX outbox_due ON outbox_events (due_at, id) WHERE state = 'pending';
CREATE UNIQUE INDEX outbox_heads ON outbox_events (scope_id, ordering_key, seq) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox_events (occurred_at, id) WHERE state = 'dead';
CREATE INDEX outbox_relayed ON outbox_events (occurred_at, id) WHERE state = 'relayed';

-- `tenant_id` is all zeros for keys outside of any tenant.
CREATE TABLE event_sequences (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    ordering_key TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, ordering_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox_entries (
    tenant_id BLOB NOT NULL,
    consumer TEXT NOT NULL,
    event_id BLOB NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, consumer, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_by_age ON inbox_entries (seen_at);

CREATE TABLE webhook_endpoints (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL CHECK (length(id) = 16),
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    event_kinds TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    disabled_reason TEXT,
    failing_since INTEGER,
    secrets TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX webhook_endpoints_by_age ON webhook_endpoints (tenant_id, created_at, id);

CREATE TABLE webhook_deliveries (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    endpoint_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    event_kind TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    lease_until INTEGER,
    fence INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, endpoint_id, event_id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES outbox_events (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (tenant_id, endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (tenant_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, endpoint_id, due_at, id) WHERE state = 'pending';

CREATE TABLE webhook_attempts (
    tenant_id BLOB NOT NULL,
    delivery_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    latency_ms INTEGER NOT NULL,
    error TEXT,
    response TEXT NOT NULL,
    PRIMARY KEY (tenant_id, delivery_id, number),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE audit_entries (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    tenant_id BLOB,
    action TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BLOB,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    result TEXT NOT NULL,
    at INTEGER NOT NULL,
    request_id BLOB NOT NULL,
    details TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_age ON audit_entries (tenant_id, at, id);
CREATE INDEX audit_by_action ON audit_entries (tenant_id, action, at, id);
CREATE TRIGGER audit_entries_keep BEFORE UPDATE ON audit_entries
BEGIN
    SELECT raise(ABORT, 'audit entries are never changed');
END;
CREATE TRIGGER audit_entries_stay BEFORE DELETE ON audit_entries
BEGIN
    SELECT raise(ABORT, 'audit entries are never deleted');
END;

-- `tenant_id` is all zeros for calls outside of any tenant.
CREATE TABLE idempotency_keys (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    answer BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id, key)
) STRICT;
CREATE INDEX idempotency_by_end ON idempotency_keys (expires_at);
