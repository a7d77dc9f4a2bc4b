//! The outbox as the relay sees it.

use std::time::Duration;

use async_trait::async_trait;
use wisdom_core::id::EventId;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_events::outbox::{ClaimedEvent, OutboxCounts};
use wisdom_events::store::{Fence, Outbox};

use super::deliveries::kept_text;
use super::events::event;
use super::statement::Statement;
use super::unit::Unit;

/// Characters of a failure's reason that are kept.
const REASON_KEPT: usize = 500;

macro_rules! heads {
    ($lock:literal) => {
        concat!(
            "SELECT o.id FROM outbox_events o
             WHERE o.state = 'pending' AND o.due_at <= $1 AND (o.lease_until IS NULL OR o.lease_until <= $1)
             AND NOT EXISTS (SELECT 1 FROM outbox_events e WHERE e.scope_id = o.scope_id
                 AND e.ordering_key = o.ordering_key AND e.state = 'pending' AND e.seq < o.seq)
             ORDER BY o.due_at, o.id LIMIT $2",
            $lock
        )
    };
}

macro_rules! claim {
    ($head:expr, $from:literal) => {
        concat!(
            $head,
            "UPDATE outbox_events SET lease_until = $3, attempts = attempts + 1, fence = fence + 1 WHERE id IN (",
            $from,
            ") RETURNING id, tenant_id, seq, ordering_key, kind, subject, audience, actor_kind, actor_id,
             occurred_at, trace, data, on_behalf_of, attempts, fence, due_at"
        )
    };
}

pub(super) const CLAIM: Statement = Statement::split(
    "outbox.claim",
    claim!(
        concat!("WITH due AS MATERIALIZED (", heads!(""), ") "),
        "SELECT id FROM due"
    ),
    // Rows are locked once, in the materialized part: as a plain sub-select it might run again and lock more.
    claim!(
        concat!(
            "WITH due AS MATERIALIZED (",
            heads!(" FOR UPDATE OF o SKIP LOCKED"),
            ") "
        ),
        "SELECT id FROM due"
    ),
);
// A settlement needs the current fence and a lease that nobody ended yet, so that it counts once.
const COMPLETE: Statement = Statement::new(
    "outbox.complete",
    "UPDATE outbox_events SET state = 'relayed', settled_at = $3, lease_until = NULL
     WHERE id = $1 AND fence = $2 AND state = 'pending' AND lease_until IS NOT NULL",
);
const RETRY: Statement = Statement::new(
    "outbox.retry",
    "UPDATE outbox_events SET due_at = $3, last_error = $4, lease_until = NULL
     WHERE id = $1 AND fence = $2 AND state = 'pending' AND lease_until IS NOT NULL",
);
const BURY: Statement = Statement::new(
    "outbox.bury",
    "UPDATE outbox_events SET state = 'dead', settled_at = $3, last_error = $4, lease_until = NULL
     WHERE id = $1 AND fence = $2 AND state = 'pending' AND lease_until IS NOT NULL",
);
const REPLAY: Statement = Statement::split(
    "outbox.replay_dead",
    "UPDATE outbox_events SET state = 'pending', due_at = $1, attempts = 0, settled_at = NULL WHERE id IN (
     SELECT id FROM outbox_events WHERE state = 'dead' ORDER BY occurred_at, id LIMIT $2)",
    "WITH dead AS MATERIALIZED (SELECT id FROM outbox_events WHERE state = 'dead' ORDER BY occurred_at, id LIMIT $2
     FOR UPDATE SKIP LOCKED)
     UPDATE outbox_events SET state = 'pending', due_at = $1, attempts = 0, settled_at = NULL
     WHERE id IN (SELECT id FROM dead)",
);
const COUNTS: Statement = Statement::new(
    "outbox.counts",
    "SELECT (SELECT count(*) FROM outbox_events WHERE state = 'pending'),
     (SELECT count(*) FROM outbox_events WHERE state = 'dead'),
     (SELECT min(occurred_at) FROM outbox_events WHERE state = 'pending')",
);
const SWEEP_EVENTS: Statement = Statement::new(
    "outbox.sweep",
    "DELETE FROM outbox_events WHERE id IN (SELECT o.id FROM outbox_events o
     WHERE o.state = 'relayed' AND o.occurred_at < $1
     AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d
         WHERE d.tenant_id = o.tenant_id AND d.event_id = o.id AND d.state = 'pending')
     ORDER BY o.occurred_at, o.id LIMIT $2)",
);
const SWEEP_KEYS: Statement = Statement::new(
    "outbox.sweep",
    "DELETE FROM idempotency_keys WHERE (tenant_id, user_id, key) IN (
     SELECT tenant_id, user_id, key FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
);
const SWEEP_INBOX: Statement = Statement::new(
    "outbox.sweep",
    "DELETE FROM inbox_entries WHERE (tenant_id, consumer, event_id) IN (
     SELECT tenant_id, consumer, event_id FROM inbox_entries WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)",
);

#[async_trait]
impl Outbox for Unit {
    async fn claim(
        &mut self,
        limit: u32,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedEvent>, StorageError> {
        let values = [now.into(), limit.into(), now.saturating_add(lease).into()];
        let rows = self.sql_tx().fetch_all(&CLAIM, &values).await?;
        let mut claimed = rows
            .iter()
            .map(|row| {
                let (event, attempts, fence) = (event(row)?, row.small(13)?, Fence(row.int(14)?));
                Ok((
                    row.time(15)?,
                    ClaimedEvent {
                        event,
                        attempts,
                        fence,
                    },
                ))
            })
            .collect::<Result<Vec<_>, StorageError>>()?;
        // RETURNING has no order.
        claimed.sort_by_key(|(due, claimed)| (*due, claimed.event.id));
        Ok(claimed.into_iter().map(|(_, claimed)| claimed).collect())
    }

    async fn complete(&mut self, id: EventId, fence: Fence, at: Timestamp) -> Result<bool, StorageError> {
        let changed = self
            .sql_tx()
            .execute(&COMPLETE, &[id.into(), fence.0.into(), at.into()])
            .await?;
        Ok(changed == 1)
    }

    async fn retry(
        &mut self,
        id: EventId,
        fence: Fence,
        due: Timestamp,
        reason: &str,
    ) -> Result<bool, StorageError> {
        let reason = kept_text(reason, REASON_KEPT);
        let values = [id.into(), fence.0.into(), due.into(), reason.as_str().into()];
        Ok(self.sql_tx().execute(&RETRY, &values).await? == 1)
    }

    async fn bury(
        &mut self,
        id: EventId,
        fence: Fence,
        at: Timestamp,
        reason: &str,
    ) -> Result<bool, StorageError> {
        let reason = kept_text(reason, REASON_KEPT);
        let values = [id.into(), fence.0.into(), at.into(), reason.as_str().into()];
        Ok(self.sql_tx().execute(&BURY, &values).await? == 1)
    }

    async fn replay_dead(&mut self, limit: u32, now: Timestamp) -> Result<u64, StorageError> {
        self.sql_tx().execute(&REPLAY, &[now.into(), limit.into()]).await
    }

    async fn counts(&mut self) -> Result<OutboxCounts, StorageError> {
        match self.sql_tx().fetch_optional(&COUNTS, &[]).await? {
            Some(row) => Ok(OutboxCounts {
                pending: row.int(0)?,
                dead: row.int(1)?,
                oldest_pending: row.opt_time(2)?,
            }),
            None => Err(StorageError::new(StorageErrorKind::Internal, COUNTS.name())),
        }
    }

    async fn sweep(&mut self, before: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let events = self
            .sql_tx()
            .execute(&SWEEP_EVENTS, &[before.into(), limit.into()])
            .await?;
        let keys = self
            .sql_tx()
            .execute(&SWEEP_KEYS, &[now.into(), limit.into()])
            .await?;
        let inbox = self
            .sql_tx()
            .execute(&SWEEP_INBOX, &[before.into(), limit.into()])
            .await?;
        Ok(events + keys + inbox)
    }
}
