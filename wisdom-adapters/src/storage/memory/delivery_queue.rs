//! The queue of webhook deliveries of all tenants.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use wisdom_core::id::{EndpointId, TenantId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_events::store::{DeliveryQueue, Fence};
use wisdom_events::webhook::{ClaimedDelivery, DeliveryState};

use super::unit_of_work::MemoryTx;

#[async_trait]
impl DeliveryQueue for MemoryTx {
    async fn claim(
        &mut self,
        limit: u32,
        per_endpoint: u32,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedDelivery>, StorageError> {
        let tables = self.write("delivery_queue.claim")?;
        let mut under_way: BTreeMap<(TenantId, EndpointId), u32> = BTreeMap::new();
        let mut due = Vec::new();
        for ((tenant, id), row) in &tables.deliveries {
            if row.delivery.state != DeliveryState::Pending {
                continue;
            }
            if row.lease_until.is_some_and(|until| now < until) {
                *under_way.entry((*tenant, row.delivery.endpoint)).or_default() += 1;
            } else if row.delivery.due_at <= now {
                due.push((row.delivery.due_at, *id, *tenant, row.delivery.endpoint));
            }
        }
        due.sort_unstable();
        let mut claimed = Vec::new();
        for (_, id, tenant, endpoint) in due {
            let at_work = under_way.entry((tenant, endpoint)).or_default();
            if claimed.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                break;
            }
            if *at_work >= per_endpoint {
                continue;
            }
            *at_work += 1;
            if let Some(row) = tables.deliveries.get_mut(&(tenant, id)) {
                row.delivery.attempts += 1;
                row.fence += 1;
                row.lease_until = Some(now.saturating_add(lease));
                claimed.push(ClaimedDelivery {
                    tenant,
                    delivery: row.delivery.clone(),
                    fence: Fence(row.fence),
                });
            }
        }
        Ok(claimed)
    }
}
