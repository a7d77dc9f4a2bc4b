CREATE TABLE orders (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    item text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    placed_by uuid REFERENCES users (id),
    placed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX orders_by_age ON orders (tenant_id, placed_at, id);

-- What the consumer of `orders.order.placed` keeps.
CREATE TABLE order_totals (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    item text NOT NULL,
    quantity bigint NOT NULL,
    PRIMARY KEY (tenant_id, item)
);

-- As tenant_table_sql("orders") and tenant_table_sql("order_totals") print it.
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
CREATE POLICY wisdom_tenant ON orders TO wisdom_app
    USING (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid);
CREATE POLICY wisdom_system ON orders TO wisdom_system
    USING (current_user = 'wisdom_system') WITH CHECK (current_user = 'wisdom_system');
GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO wisdom_app, wisdom_system;

ALTER TABLE order_totals ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_totals FORCE ROW LEVEL SECURITY;
CREATE POLICY wisdom_tenant ON order_totals TO wisdom_app
    USING (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid);
CREATE POLICY wisdom_system ON order_totals TO wisdom_system
    USING (current_user = 'wisdom_system') WITH CHECK (current_user = 'wisdom_system');
GRANT SELECT, INSERT, UPDATE, DELETE ON order_totals TO wisdom_app, wisdom_system;
