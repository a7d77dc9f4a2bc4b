//! `orders.order.list`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wisdom_adapters::storage::TenantTx;
use wisdom_adapters::storage::sql::{Row, Statement};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery, Position, Slice};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{ORDER_LIST, Order, OrderError, own_tables};

const LIST: Statement = Statement::new(
    "orders.list",
    "SELECT id, item, quantity, placed_by, placed_at FROM orders
     WHERE tenant_id = $1 AND (placed_at, id) > ($2, $3)
     ORDER BY placed_at, id LIMIT $4",
);

/// Lists the tenant's orders, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOrders {
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

impl Operation for ListOrders {
    const NAME: &'static str = "orders.order.list";
    const SUMMARY: &'static str = "Lists the tenant's orders, oldest first.";
    const ACCESS: Access = Access::Tenant(ORDER_LIST);
    const EFFECT: Effect = Effect::Read;
    type Output = Page<Order>;
    type Error = OrderError;
}

impl<Tx: TenantTx + ?Sized> UseCase<Tx> for ListOrders {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<Order>>, OrderError> {
        let frame = Arc::clone(tx.frame());
        let request = self.page.open(&frame, Self::NAME, &[])?;
        let after = request.after.unwrap_or(Position {
            at: Timestamp::MIN,
            id: Uuid::nil(),
        });
        // One more than the page holds tells whether another page follows.
        let limit = i64::from(request.limit) + 1;

        let (sql, tenant) = own_tables(tx)?;
        let values = [tenant.into(), after.at.into(), after.id.into(), limit.into()];
        let rows = sql.fetch_all(&LIST, &values).await?;
        let orders = rows.iter().map(order).collect::<Result<Vec<_>, _>>()?;

        let place = |order: &Order| Position {
            at: order.placed_at,
            id: order.id.as_uuid(),
        };
        let slice = Slice::cut(orders, request.limit, place);
        Ok(Outcome::unaudited(
            Page::seal(slice, &frame, Self::NAME, &[])?,
            "reads only",
        ))
    }
}

fn order(row: &Row) -> Result<Order, StorageError> {
    let corrupt = |error| StorageError::new(StorageErrorKind::Corrupt, LIST.name()).caused_by(error);
    Ok(Order {
        id: row.id(0)?,
        item: row.text(1)?,
        quantity: u32::try_from(row.int(2)?).map_err(corrupt)?,
        placed_by: row.opt_id(3)?,
        placed_at: row.time(4)?,
    })
}
