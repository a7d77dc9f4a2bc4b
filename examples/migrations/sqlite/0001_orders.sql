CREATE TABLE orders (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL CHECK (length(id) = 16),
    item TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    placed_by BLOB REFERENCES users (id),
    placed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX orders_by_age ON orders (tenant_id, placed_at, id);

-- What the consumer of `orders.order.placed` keeps.
CREATE TABLE order_totals (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    item TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, item)
) STRICT;
