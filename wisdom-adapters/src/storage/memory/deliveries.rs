//! Webhook deliveries of the tenant, and their attempts.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use wisdom_core::id::{DeliveryId, EndpointId, TenantId};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_events::store::{Deliveries, Fence};
use wisdom_events::webhook::{Attempt, Delivery, DeliveryState};

use super::paging::{Order, page};
use super::tables::{DeliveryRow, Tables, under};
use super::unit_of_work::MemoryTx;

/// The longest list of attempts.
const LISTED: usize = 100;

fn attempts_of(tenant: TenantId, id: DeliveryId) -> RangeInclusive<(TenantId, DeliveryId, i32)> {
    (tenant, id, i32::MIN)..=(tenant, id, i32::MAX)
}

/// Removes deliveries of the tenant with their attempts.
pub(super) fn forget(tables: &mut Tables, tenant: TenantId, doomed: &[DeliveryId]) {
    for id in doomed {
        let Some(DeliveryRow { delivery, .. }) = tables.deliveries.remove(&(tenant, *id)) else {
            continue;
        };
        tables
            .deliveries_of_event
            .remove(&(tenant, delivery.event, delivery.endpoint));
        let attempts: Vec<_> = tables
            .attempts
            .range(attempts_of(tenant, *id))
            .map(|(key, _)| *key)
            .collect();
        for key in attempts {
            tables.attempts.remove(&key);
        }
    }
}

#[async_trait]
impl Deliveries for MemoryTx {
    async fn insert(&mut self, delivery: &Delivery) -> Result<bool, StorageError> {
        const OPERATION: &str = "deliveries.insert";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let key = (tenant, delivery.id);
        let slot = (tenant, delivery.event, delivery.endpoint);
        if tables.deliveries_of_event.contains_key(&slot) {
            return Ok(false);
        }
        let event_exists = tables
            .outbox
            .get(&delivery.event)
            .is_some_and(|row| row.event.tenant == Some(tenant));
        if !event_exists || !tables.endpoints.contains_key(&(tenant, delivery.endpoint)) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if tables.deliveries.contains_key(&key) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables.deliveries_of_event.insert(slot, delivery.id);
        tables.deliveries.insert(
            key,
            DeliveryRow {
                delivery: delivery.clone(),
                lease_until: None,
                fence: 0,
            },
        );
        Ok(true)
    }

    async fn find(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StorageError> {
        let (tenant, tables) = self.own("deliveries.find")?;
        Ok(tables
            .deliveries
            .get(&(tenant, id))
            .map(|row| row.delivery.clone()))
    }

    async fn list(
        &mut self,
        endpoint: EndpointId,
        request: &PageRequest,
    ) -> Result<Slice<Delivery>, StorageError> {
        let (tenant, tables) = self.own("deliveries.list")?;
        let rows = tables
            .deliveries
            .range(under(tenant))
            .map(|(_, row)| &row.delivery);
        let rows = rows.filter(|delivery| delivery.endpoint == endpoint).cloned();
        Ok(page(rows, Order::NewestFirst, request, |delivery| Position {
            at: delivery.created_at,
            id: delivery.id.as_uuid(),
        }))
    }

    async fn settle(
        &mut self,
        delivery: &Delivery,
        attempt: &Attempt,
        fence: Fence,
    ) -> Result<bool, StorageError> {
        const OPERATION: &str = "deliveries.settle";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let attempt_key = (tenant, delivery.id, attempt.number);
        let known = tables.attempts.contains_key(&attempt_key);
        let Some(row) = tables
            .deliveries
            .get_mut(&(tenant, delivery.id))
            .filter(|row| row.fence == fence.0)
        else {
            return Ok(false);
        };
        if known {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        row.delivery.state = delivery.state;
        row.delivery.due_at = delivery.due_at;
        row.delivery.attempts = delivery.attempts;
        row.lease_until = None;
        row.fence += 1;
        tables.attempts.insert(attempt_key, attempt.clone());
        Ok(true)
    }

    async fn reschedule(&mut self, id: DeliveryId, now: Timestamp) -> Result<bool, StorageError> {
        let (tenant, tables) = self.own_mut("deliveries.reschedule")?;
        let Some(row) = tables.deliveries.get_mut(&(tenant, id)) else {
            return Ok(false);
        };
        row.delivery.state = DeliveryState::Pending;
        row.delivery.due_at = now;
        // A worker that is at it must not settle what was asked for after its claim.
        row.lease_until = None;
        row.fence += 1;
        Ok(true)
    }

    async fn attempts(&mut self, id: DeliveryId) -> Result<Vec<Attempt>, StorageError> {
        let (tenant, tables) = self.own("deliveries.attempts")?;
        let newest_first = tables.attempts.range(attempts_of(tenant, id)).rev();
        Ok(newest_first
            .take(LISTED)
            .map(|(_, attempt)| attempt.clone())
            .collect())
    }
}
