//! What a team adds to Wisdom: a table of orders with its own migrations, permissions, use cases, event and consumer.
//!
//! Nothing here is known to Wisdom. [`add_to`] is the one place where it is handed over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_adapters::WisdomBuilder;
use wisdom_adapters::storage::TenantTx;
use wisdom_adapters::storage::sql::SqlTx;
use wisdom_core::access::{Permission, Role};
use wisdom_core::catalogue::Entry;
use wisdom_core::id::{Id, Kind, TenantId, UserId};
use wisdom_core::policy::Policy;
use wisdom_core::time::Timestamp;

mod error;
mod list;
mod place;
mod schema;
mod totals;

pub use error::OrderError;
pub use list::ListOrders;
pub use place::{ORDER_PLACED, PlaceOrder};
pub use schema::{SchemaError, migrate};
pub use totals::{CountOrder, KeepTotals};

/// Everyday work: members and above.
pub const ORDER_PLACE: Permission = Permission::new("orders.order.place", Role::Member);
/// Everybody in the tenant.
pub const ORDER_LIST: Permission = Permission::new("orders.order.list", Role::Viewer);

/// Kind of [`OrderId`].
#[derive(Debug)]
pub struct OrderKind;

impl Kind for OrderKind {
    const PREFIX: &'static str = "ord";
    const NAME: &'static str = "order";
}

/// Id of an order: `ord_…` outside, a UUID in the table.
pub type OrderId = Id<OrderKind>;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Id.
    pub id: OrderId,
    /// What was ordered.
    pub item: String,
    /// How many, 1 or more.
    pub quantity: u32,
    /// Who placed it; absent when the service itself did.
    pub placed_by: Option<UserId>,
    /// When.
    pub placed_at: Timestamp,
}

/// Configured figures of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderPolicy {
    /// Orders a tenant may have at most. Default 10 000.
    pub max_orders: u32,
}

impl Default for OrderPolicy {
    fn default() -> Self {
        Self { max_orders: 10_000 }
    }
}

impl Policy for OrderPolicy {}

/// Adds orders to an assembly.
#[must_use]
pub fn add_to(builder: WisdomBuilder, policy: OrderPolicy) -> WisdomBuilder {
    builder
        .operation(Entry::tenant::<PlaceOrder>())
        .operation(Entry::tenant::<ListOrders>())
        .consumer_with(|runner| std::sync::Arc::new(KeepTotals::new(runner)))
        .policy(policy)
}

/// The transaction as SQL, and the tenant that every statement on an own table names.
fn own_tables<Tx: TenantTx + ?Sized>(tx: &mut Tx) -> Result<(&mut SqlTx, TenantId), OrderError> {
    let tenant = tx.frame().tenant();
    tx.sql().zip(tenant).ok_or(OrderError::NoSql)
}
