//! A consumer of our own event: keeps totals by item, off the path of whoever places an order.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_adapters::storage::sql::Statement;
use wisdom_adapters::storage::{DynStore, TenantTx};
use wisdom_core::access::Access;
use wisdom_core::context::TenantContext;
use wisdom_core::event::StoredEvent;
use wisdom_core::id::{EventId, IdSourceExt as _};
use wisdom_core::outcome::Outcome;
use wisdom_core::port::Retry;
use wisdom_core::runner::Runner;
use wisdom_core::trace::RequestInfo;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_events::bus::{Consumer, ConsumerError};

use super::{ORDER_PLACED, Order, OrderError, own_tables};

const NAME: &str = "orders.totals";

const ADD: Statement = Statement::new(
    "order_totals.add",
    "INSERT INTO order_totals (tenant_id, item, quantity) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id, item) DO UPDATE SET quantity = order_totals.quantity + excluded.quantity",
);

/// Told of every order that was placed; adds it to the totals.
#[derive(Debug)]
pub struct KeepTotals {
    runner: Runner<DynStore>,
}

impl KeepTotals {
    /// A consumer that writes through this runner.
    #[must_use]
    pub const fn new(runner: Runner<DynStore>) -> Self {
        Self { runner }
    }
}

#[async_trait]
impl Consumer for KeepTotals {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, kind: &str) -> bool {
        kind == ORDER_PLACED
    }

    async fn handle(&self, event: &StoredEvent) -> Result<(), ConsumerError> {
        let Some(tenant) = event.tenant else { return Ok(()) };
        let order = Order::deserialize(&event.data)
            .map_err(|_| ConsumerError::new(Retry::Never, "the event's data is no order"))?;
        let request = RequestInfo {
            id: self.runner.kit().ids.id(),
            trace: event.trace,
            source: None,
            certificate: None,
        };
        let context = TenantContext::for_claimed_row(tenant, request);
        let count = CountOrder {
            event: event.id,
            order,
        };
        match self.runner.tenant(&context, &count).await {
            Ok(()) => Ok(()),
            Err(OrderError::Storage(error)) => Err(error.into()),
            Err(error) => Err(ConsumerError::new(Retry::Backoff, error.to_string())),
        }
    }
}

/// Adds an order to the totals, once. Run by the consumer only; it is in no catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountOrder {
    /// The event that told of it.
    pub event: EventId,
    /// The order.
    pub order: Order,
}

impl Operation for CountOrder {
    const NAME: &'static str = "orders.order.count";
    const SUMMARY: &'static str = "Adds an order to the totals.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = OrderError;
}

impl<Tx: TenantTx + ?Sized> UseCase<Tx> for CountOrder {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, OrderError> {
        // Events are told at least once. The inbox row is written in the transaction that acts on the event.
        if tx.inbox().first_time(NAME, self.event).await? {
            let (sql, tenant) = own_tables(tx)?;
            let values = [
                tenant.into(),
                (&self.order.item).into(),
                self.order.quantity.into(),
            ];
            sql.execute(&ADD, &values).await?;
        }
        Ok(Outcome::unaudited((), "follows from an order, which is audited"))
    }
}
