-- No foreign key to the tenant on rows that every commit writes: it would lock the tenant's row each time.
-- `scope_id` stands for the tenant, or for "no tenant" as all zeros, where an index has to compare it.
CREATE TABLE outbox_events (
    id uuid PRIMARY KEY,
    tenant_id uuid,
    scope_id uuid NOT NULL GENERATED ALWAYS AS
        (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'::uuid)) STORED,
    seq bigint NOT NULL,
    ordering_key text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    audience text NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    occurred_at timestamptz NOT NULL,
    trace text NOT NULL,
    data jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    due_at timestamptz NOT NULL,
    lease_until timestamptz,
    fence bigint NOT NULL DEFAULT 0,
    attempts bigint NOT NULL DEFAULT 0,
    last_error text,
    settled_at timestamptz,
    UNIQUE (tenant_id, id)
);
CREATE INDEX outbox_due ON outbox_events (due_at, id) WHERE state = 'pending';
CREATE UNIQUE INDEX outbox_heads ON outbox_events (scope_id, ordering_key, seq) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox_events (occurred_at, id) WHERE state = 'dead';
CREATE INDEX outbox_relayed ON outbox_events (occurred_at, id) WHERE state = 'relayed';

-- `tenant_id` is all zeros for keys outside of any tenant.
CREATE TABLE event_sequences (
    tenant_id uuid NOT NULL,
    ordering_key text NOT NULL,
    last_seq bigint NOT NULL,
    PRIMARY KEY (tenant_id, ordering_key)
);

CREATE TABLE inbox_entries (
    tenant_id uuid NOT NULL,
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, consumer, event_id)
);
CREATE INDEX inbox_by_age ON inbox_entries (seen_at);

CREATE TABLE webhook_endpoints (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    event_kinds jsonb NOT NULL,
    enabled boolean NOT NULL,
    disabled_reason text,
    failing_since timestamptz,
    secrets jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX webhook_endpoints_by_age ON webhook_endpoints (tenant_id, created_at, id);

CREATE TABLE webhook_deliveries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_kind text NOT NULL,
    state text NOT NULL,
    attempts bigint NOT NULL,
    due_at timestamptz NOT NULL,
    lease_until timestamptz,
    fence bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, endpoint_id, event_id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES outbox_events (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (tenant_id, endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (tenant_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, endpoint_id, due_at, id) WHERE state = 'pending';

CREATE TABLE webhook_attempts (
    tenant_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    status bigint,
    latency_ms bigint NOT NULL,
    error text,
    response text NOT NULL,
    PRIMARY KEY (tenant_id, delivery_id, number),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE audit_entries (
    id uuid PRIMARY KEY,
    tenant_id uuid,
    action text NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    target_kind text NOT NULL,
    target_id text NOT NULL,
    result text NOT NULL,
    at timestamptz NOT NULL,
    request_id uuid NOT NULL,
    details jsonb NOT NULL
);
CREATE INDEX audit_by_age ON audit_entries (tenant_id, at, id);
CREATE INDEX audit_by_action ON audit_entries (tenant_id, action, at, id);

-- `tenant_id` is all zeros for calls outside of any tenant.
CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    answer bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id, key)
);
CREATE INDEX idempotency_by_end ON idempotency_keys (expires_at);
