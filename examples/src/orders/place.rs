//! `orders.order.place`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_adapters::storage::TenantTx;
use wisdom_adapters::storage::sql::Statement;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Principal;
use wisdom_core::event::NewEvent;
use wisdom_core::id::IdSourceExt as _;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{ORDER_PLACE, Order, OrderError, OrderPolicy, own_tables};

/// An order was placed; its data is the [`Order`].
pub const ORDER_PLACED: &str = "orders.order.placed";

const MAX_ITEM: usize = 200;

const INSERT: Statement = Statement::new(
    "orders.insert",
    "INSERT INTO orders (tenant_id, id, item, quantity, placed_by, placed_at) VALUES ($1, $2, $3, $4, $5, $6)",
);
const COUNT: Statement = Statement::new("orders.count", "SELECT count(*) FROM orders WHERE tenant_id = $1");

/// Places an order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// What is ordered, 1 to 200 bytes.
    pub item: String,
    /// How many, 1 or more.
    pub quantity: u32,
}

impl Operation for PlaceOrder {
    const NAME: &'static str = "orders.order.place";
    const SUMMARY: &'static str = "Places an order.";
    const ACCESS: Access = Access::Tenant(ORDER_PLACE);
    const EFFECT: Effect = Effect::Write;
    type Output = Order;
    type Error = OrderError;
}

impl<Tx: TenantTx + ?Sized> UseCase<Tx> for PlaceOrder {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Order>, OrderError> {
        if !(1..=MAX_ITEM).contains(&self.item.len()) {
            return Err(OrderError::Invalid {
                field: "item",
                message: "must be 1 to 200 bytes",
            });
        }
        if self.quantity == 0 {
            return Err(OrderError::Invalid {
                field: "quantity",
                message: "must be 1 or more",
            });
        }
        let frame = Arc::clone(tx.frame());
        let order = Order {
            id: frame.kit().ids.id(),
            item: self.item.clone(),
            quantity: self.quantity,
            placed_by: frame.principal().and_then(Principal::user),
            placed_at: frame.now(),
        };

        let (sql, tenant) = own_tables(tx)?;
        let values = [
            tenant.into(),
            order.id.into(),
            (&order.item).into(),
            order.quantity.into(),
            order.placed_by.into(),
            order.placed_at.into(),
        ];
        sql.execute(&INSERT, &values).await?;

        // After the insert on purpose: the refusal has to take back what was written.
        let limit = frame.kit().policies.get::<OrderPolicy>().max_orders;
        let count = sql.fetch_optional(&COUNT, &[tenant.into()]).await?;
        if count.map_or(Ok(0), |row| row.int(0))? > i64::from(limit) {
            return Err(OrderError::TooMany { limit });
        }

        let entry = AuditEntry::on("order", order.id).with(json!({ "quantity": order.quantity }));
        let event = NewEvent::new(ORDER_PLACED, order.id, json!(order));
        Ok(Outcome::audited(order, entry).emit(event))
    }
}
