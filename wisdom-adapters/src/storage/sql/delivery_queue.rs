//! The queue of webhook deliveries, across tenants.

use std::time::Duration;

use async_trait::async_trait;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_events::store::{DeliveryQueue, Fence};
use wisdom_events::webhook::ClaimedDelivery;

use super::deliveries::delivery;
use super::statement::Statement;
use super::unit::Unit;

macro_rules! endpoints {
    ($lock:literal) => {
        concat!(
            "SELECT e.tenant_id, e.id FROM webhook_endpoints e
             WHERE EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.tenant_id = e.tenant_id
                 AND d.endpoint_id = e.id AND d.state = 'pending' AND d.due_at <= $1
                 AND (d.lease_until IS NULL OR d.lease_until <= $1))
             AND (SELECT count(*) FROM webhook_deliveries b WHERE b.tenant_id = e.tenant_id
                 AND b.endpoint_id = e.id AND b.state = 'pending' AND b.lease_until > $1) < $2
             ORDER BY (SELECT min(w.due_at) FROM webhook_deliveries w WHERE w.tenant_id = e.tenant_id
                 AND w.endpoint_id = e.id AND w.state = 'pending'), e.id LIMIT $3",
            $lock
        )
    };
}

// The row of an endpoint is the turnstile of its deliveries: whoever claims holds it, others pass by. The statements
// behind it see what the one before committed, so that the limit per endpoint holds exactly.
const ENDPOINTS: Statement = Statement::split(
    "delivery_queue.endpoints",
    endpoints!(""),
    endpoints!(" FOR NO KEY UPDATE OF e SKIP LOCKED"),
);
const UNDER_WAY: Statement = Statement::new(
    "delivery_queue.under_way",
    "SELECT count(*) FROM webhook_deliveries
     WHERE tenant_id = $1 AND endpoint_id = $2 AND state = 'pending' AND lease_until > $3",
);

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT d.id FROM webhook_deliveries d
             WHERE d.tenant_id = $1 AND d.endpoint_id = $2 AND d.state = 'pending' AND d.due_at <= $3
             AND (d.lease_until IS NULL OR d.lease_until <= $3) ORDER BY d.due_at, d.id LIMIT $5",
            $lock,
            ") UPDATE webhook_deliveries SET lease_until = $4, attempts = attempts + 1, fence = fence + 1
             WHERE tenant_id = $1 AND id IN (SELECT id FROM due)
             RETURNING id, endpoint_id, event_id, event_kind, state, attempts, due_at, created_at, fence"
        )
    };
}

pub(super) const CLAIM: Statement = Statement::split(
    "delivery_queue.claim",
    claim!(""),
    claim!(" FOR UPDATE SKIP LOCKED"),
);

#[async_trait]
impl DeliveryQueue for Unit {
    async fn claim(
        &mut self,
        limit: u32,
        per_endpoint: u32,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedDelivery>, StorageError> {
        let mut room = i64::from(limit);
        let until = now.saturating_add(lease);
        let mut claimed = Vec::new();
        let values = [now.into(), per_endpoint.into(), limit.into()];
        for endpoint in self.sql_tx().fetch_all(&ENDPOINTS, &values).await? {
            let (tenant, id) = (endpoint.id(0)?, endpoint.uuid(1)?);
            let values = [tenant.into(), id.into(), now.into()];
            let under_way = match self.sql_tx().fetch_optional(&UNDER_WAY, &values).await? {
                Some(row) => row.int(0)?,
                None => 0,
            };
            let places = (i64::from(per_endpoint) - under_way).min(room);
            if places > 0 {
                let values = [tenant.into(), id.into(), now.into(), until.into(), places.into()];
                for row in self.sql_tx().fetch_all(&CLAIM, &values).await? {
                    let fence = Fence(row.int(8)?);
                    claimed.push(ClaimedDelivery {
                        tenant,
                        delivery: delivery(&row)?,
                        fence,
                    });
                    room -= 1;
                }
            }
            if room <= 0 {
                break;
            }
        }
        claimed.sort_by_key(|c| (c.delivery.due_at, c.delivery.id));
        Ok(claimed)
    }
}
