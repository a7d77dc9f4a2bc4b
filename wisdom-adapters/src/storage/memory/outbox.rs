//! The outbox of all tenants, as the relay sees it.

use std::ops::Bound;
use std::time::Duration;

use async_trait::async_trait;
use wisdom_core::id::{DeliveryId, EventId, TenantId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_events::outbox::{ClaimedEvent, OutboxCounts, OutboxState};
use wisdom_events::store::{Fence, Outbox};
use wisdom_events::webhook::DeliveryState;

use super::deliveries::forget;
use super::tables::{OutboxRow, Tables, any};
use super::unit_of_work::MemoryTx;

/// Characters of a reason that are kept.
const REASON: usize = 500;

/// The first unfinished event of every key.
fn heads(tables: &Tables) -> Vec<EventId> {
    let mut heads = Vec::new();
    let mut next = tables.unfinished.iter().next();
    while let Some(((tenant, key, _), id)) = next {
        heads.push(*id);
        let behind = (
            Bound::Excluded((*tenant, key.clone(), i64::MAX)),
            Bound::Unbounded,
        );
        next = tables.unfinished.range(behind).next();
    }
    heads
}

/// The row of an event, if the fence is the one of its current claim.
fn claimed(tables: &mut Tables, id: EventId, fence: Fence) -> Option<&mut OutboxRow> {
    let current = |row: &&mut OutboxRow| {
        row.state == OutboxState::Pending && row.lease_until.is_some() && row.fence == fence.0
    };
    tables.outbox.get_mut(&id).filter(current)
}

/// Ends a claim. Answers whether the fence was its.
fn settle(tables: &mut Tables, id: EventId, fence: Fence, change: impl FnOnce(&mut OutboxRow)) -> bool {
    let Some(row) = claimed(tables, id, fence) else {
        return false;
    };
    row.lease_until = None;
    row.fence += 1;
    change(row);
    if row.state != OutboxState::Pending {
        let key = row.key();
        tables.unfinished.remove(&key);
    }
    true
}

fn kept(reason: &str) -> String {
    reason.chars().take(REASON).collect()
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// The deliveries of an event.
fn deliveries_of(tables: &Tables, tenant: Option<TenantId>, event: EventId) -> Vec<DeliveryId> {
    let Some(tenant) = tenant else {
        return Vec::new();
    };
    let (lowest, highest) = any().into_inner();
    let slots = (tenant, event, lowest)..=(tenant, event, highest);
    tables
        .deliveries_of_event
        .range(slots)
        .map(|(_, id)| *id)
        .collect()
}

/// Whether no delivery of the event is still to be made.
fn deliveries_are_over(tables: &Tables, tenant: Option<TenantId>, event: EventId) -> bool {
    let pending = |id: DeliveryId| {
        let row = tenant.and_then(|tenant| tables.deliveries.get(&(tenant, id)));
        row.is_some_and(|row| row.delivery.state == DeliveryState::Pending)
    };
    !deliveries_of(tables, tenant, event).into_iter().any(pending)
}

#[async_trait]
impl Outbox for MemoryTx {
    async fn claim(
        &mut self,
        limit: u32,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedEvent>, StorageError> {
        let tables = self.write("outbox.claim")?;
        let mut due: Vec<(Timestamp, EventId)> = heads(tables)
            .into_iter()
            .filter_map(|id| tables.outbox.get(&id))
            .filter(|row| row.due_at <= now && row.lease_until.is_none_or(|until| until <= now))
            .map(|row| (row.due_at, row.event.id))
            .collect();
        due.sort_unstable();
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut claimed = Vec::with_capacity(due.len());
        for (_, id) in due {
            if let Some(row) = tables.outbox.get_mut(&id) {
                row.attempts += 1;
                row.fence += 1;
                row.lease_until = Some(now.saturating_add(lease));
                let (event, attempts) = (row.event.clone(), row.attempts);
                claimed.push(ClaimedEvent {
                    event,
                    attempts,
                    fence: Fence(row.fence),
                });
            }
        }
        Ok(claimed)
    }

    async fn complete(&mut self, id: EventId, fence: Fence, at: Timestamp) -> Result<bool, StorageError> {
        let tables = self.write("outbox.complete")?;
        Ok(settle(tables, id, fence, |row| {
            row.state = OutboxState::Relayed;
            row.settled_at = Some(at);
        }))
    }

    async fn retry(
        &mut self,
        id: EventId,
        fence: Fence,
        due: Timestamp,
        reason: &str,
    ) -> Result<bool, StorageError> {
        let tables = self.write("outbox.retry")?;
        Ok(settle(tables, id, fence, |row| {
            row.due_at = due;
            row.last_error = Some(kept(reason));
        }))
    }

    async fn bury(
        &mut self,
        id: EventId,
        fence: Fence,
        at: Timestamp,
        reason: &str,
    ) -> Result<bool, StorageError> {
        let tables = self.write("outbox.bury")?;
        Ok(settle(tables, id, fence, |row| {
            row.state = OutboxState::Dead;
            row.settled_at = Some(at);
            row.last_error = Some(kept(reason));
        }))
    }

    async fn replay_dead(&mut self, limit: u32, now: Timestamp) -> Result<u64, StorageError> {
        let tables = self.write("outbox.replay_dead")?;
        let dead = tables
            .outbox
            .values()
            .filter(|row| row.state == OutboxState::Dead);
        let mut dead: Vec<_> = dead.map(|row| (row.event.time, row.event.id)).collect();
        dead.sort_unstable();
        dead.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        for (_, id) in &dead {
            if let Some(row) = tables.outbox.get_mut(id) {
                row.state = OutboxState::Pending;
                row.due_at = now;
                // All its tries again, or the first failure would bury it at once.
                row.attempts = 0;
                row.settled_at = None;
                let key = row.key();
                tables.unfinished.insert(key, *id);
            }
        }
        Ok(u64::try_from(dead.len()).unwrap_or(u64::MAX))
    }

    async fn counts(&mut self) -> Result<OutboxCounts, StorageError> {
        let tables = self.read();
        let waiting = tables.unfinished.values().filter_map(|id| tables.outbox.get(id));
        Ok(OutboxCounts {
            pending: count(tables.unfinished.len()),
            dead: count(
                tables
                    .outbox
                    .values()
                    .filter(|row| row.state == OutboxState::Dead)
                    .count(),
            ),
            oldest_pending: waiting.map(|row| row.event.time).min(),
        })
    }

    async fn sweep(&mut self, before: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let tables = self.write("outbox.sweep")?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let events: Vec<(Option<TenantId>, EventId)> = tables
            .outbox
            .values()
            .filter(|row| row.state == OutboxState::Relayed && row.event.time < before)
            .map(|row| (row.event.tenant, row.event.id))
            .filter(|(tenant, id)| deliveries_are_over(tables, *tenant, *id))
            .take(limit)
            .collect();
        for (tenant, id) in &events {
            let doomed = deliveries_of(tables, *tenant, *id);
            if let Some(tenant) = tenant {
                forget(tables, *tenant, &doomed);
            }
            tables.outbox.remove(id);
        }
        let answers = tables.idempotency.iter().filter(|(_, row)| row.expires_at <= now);
        let answers: Vec<_> = answers.map(|(key, _)| key.clone()).take(limit).collect();
        for key in &answers {
            tables.idempotency.remove(key);
        }
        let seen = tables.inbox.iter().filter(|(_, at)| **at < before);
        let seen: Vec<_> = seen.map(|(key, _)| key.clone()).take(limit).collect();
        for key in &seen {
            tables.inbox.remove(key);
        }
        Ok(u64::try_from(events.len() + answers.len() + seen.len()).unwrap_or(u64::MAX))
    }
}
