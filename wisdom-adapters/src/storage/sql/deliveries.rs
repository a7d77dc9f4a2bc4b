//! Webhook deliveries of the tenant and their attempts.

use async_trait::async_trait;
use wisdom_core::id::{DeliveryId, EndpointId};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_events::store::{Deliveries, Fence};
use wisdom_events::webhook::{Attempt, Delivery, DeliveryState};

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, falling, one_more};

/// Characters of a receiver's answer that are kept: 4 KiB of the smallest ones.
const RESPONSE_KEPT: usize = 4096;
/// Characters of an attempt's error that are kept.
const ERROR_KEPT: usize = 500;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, endpoint_id, event_id, event_kind, state, attempts, due_at, created_at
             FROM webhook_deliveries WHERE tenant_id = $1 AND ",
            $rest
        )
    };
}

pub(super) const INSERT: Statement = Statement::new(
    "deliveries.insert",
    "INSERT INTO webhook_deliveries (tenant_id, id, endpoint_id, event_id, event_kind, state, attempts, due_at,
     created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (tenant_id, endpoint_id, event_id) DO NOTHING",
);
pub(super) const FIND: Statement = Statement::new("deliveries.find", select!("id = $2"));
pub(super) const LIST: Statement = Statement::new(
    "deliveries.list",
    select!("endpoint_id = $2 AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5"),
);
const SETTLE: Statement = Statement::new(
    "deliveries.settle",
    "UPDATE webhook_deliveries SET state = $3, due_at = $4, attempts = $5, lease_until = NULL
     WHERE tenant_id = $1 AND id = $2 AND fence = $6 AND state = 'pending' AND lease_until IS NOT NULL",
);
const ATTEMPT: Statement = Statement::new(
    "deliveries.attempt",
    "INSERT INTO webhook_attempts (tenant_id, delivery_id, number, at, status, latency_ms, error, response)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
// A lease that runs is left alone: the try under way may end, and the next one is due at once if it fails.
const RESCHEDULE: Statement = Statement::new(
    "deliveries.reschedule",
    "UPDATE webhook_deliveries SET state = 'pending', due_at = $3 WHERE tenant_id = $1 AND id = $2",
);
pub(super) const ATTEMPTS: Statement = Statement::new(
    "deliveries.attempts",
    "SELECT number, at, status, latency_ms, error, response FROM webhook_attempts
     WHERE tenant_id = $1 AND delivery_id = $2 ORDER BY number DESC LIMIT 100",
);

/// A text from outside as it is kept: cut to so many characters, and without NUL, which PostgreSQL cannot store.
pub(super) fn kept_text(text: &str, characters: usize) -> String {
    text.chars()
        .take(characters)
        .map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

/// Reads the eight columns of a delivery.
pub(super) fn delivery(row: &Row) -> Result<Delivery, StorageError> {
    Ok(Delivery {
        id: row.id(0)?,
        endpoint: row.id(1)?,
        event: row.id(2)?,
        event_kind: row.text(3)?,
        state: row.read(4, DeliveryState::from_name)?,
        attempts: row.small(5)?,
        due_at: row.time(6)?,
        created_at: row.time(7)?,
    })
}

fn attempt(row: &Row) -> Result<Attempt, StorageError> {
    let narrow = |at: usize, number: i64| {
        u32::try_from(number).map_err(|e| {
            StorageError::new(wisdom_core::storage::StorageErrorKind::Corrupt, ATTEMPTS.name())
                .caused_by(format!("column {at}: {e}"))
        })
    };
    let status = row.opt_int(2)?.map(|number| narrow(2, number)).transpose()?;
    Ok(Attempt {
        number: row.small(0)?,
        at: row.time(1)?,
        status: status.and_then(|number| u16::try_from(number).ok()),
        latency_ms: narrow(3, row.int(3)?)?,
        error: row.opt_text(4)?,
        response: row.text(5)?,
    })
}

#[async_trait]
impl Deliveries for Unit {
    async fn insert(&mut self, delivery: &Delivery) -> Result<bool, StorageError> {
        let values = [
            delivery.id.into(),
            delivery.endpoint.into(),
            delivery.event.into(),
            delivery.event_kind.as_str().into(),
            delivery.state.as_str().into(),
            delivery.attempts.into(),
            delivery.due_at.into(),
            delivery.created_at.into(),
        ];
        Ok(self.tenant_execute(&INSERT, &values).await? == 1)
    }

    async fn find(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StorageError> {
        self.tenant_optional(&FIND, &[id.into()])
            .await?
            .as_ref()
            .map(delivery)
            .transpose()
    }

    async fn list(
        &mut self,
        endpoint: EndpointId,
        page: &PageRequest,
    ) -> Result<Slice<Delivery>, StorageError> {
        let after = falling(page);
        let values = [
            endpoint.into(),
            after.at.into(),
            after.id.into(),
            one_more(page).into(),
        ];
        let rows = self.tenant_all(&LIST, &values).await?;
        let deliveries = rows.iter().map(delivery).collect::<Result<_, _>>()?;
        Ok(Slice::cut(deliveries, page.limit, |d: &Delivery| Position {
            at: d.created_at,
            id: d.id.as_uuid(),
        }))
    }

    async fn settle(
        &mut self,
        delivery: &Delivery,
        attempt: &Attempt,
        fence: Fence,
    ) -> Result<bool, StorageError> {
        let values = [
            delivery.id.into(),
            delivery.state.as_str().into(),
            delivery.due_at.into(),
            delivery.attempts.into(),
            fence.0.into(),
        ];
        if self.tenant_execute(&SETTLE, &values).await? == 0 {
            return Ok(false);
        }
        let error = attempt.error.as_deref().map(|text| kept_text(text, ERROR_KEPT));
        let response = kept_text(&attempt.response, RESPONSE_KEPT);
        let values = [
            delivery.id.into(),
            attempt.number.into(),
            attempt.at.into(),
            attempt.status.into(),
            attempt.latency_ms.into(),
            error.as_deref().into(),
            response.as_str().into(),
        ];
        self.tenant_execute(&ATTEMPT, &values).await?;
        Ok(true)
    }

    async fn reschedule(&mut self, id: DeliveryId, now: Timestamp) -> Result<bool, StorageError> {
        Ok(self.tenant_execute(&RESCHEDULE, &[id.into(), now.into()]).await? == 1)
    }

    async fn attempts(&mut self, id: DeliveryId) -> Result<Vec<Attempt>, StorageError> {
        self.tenant_all(&ATTEMPTS, &[id.into()])
            .await?
            .iter()
            .map(attempt)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_text_is_cut_and_has_no_nul() {
        assert_eq!(kept_text("a\0bc", 3), "a\u{fffd}b");
    }
}
