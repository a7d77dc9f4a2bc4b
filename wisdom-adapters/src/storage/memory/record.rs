//! The one writer of outbox, audit and idempotency rows.

use wisdom_core::event::StoredEvent;
use wisdom_core::id::TenantId;
use wisdom_core::outcome::Record;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_events::outbox::OutboxState;

use super::idempotency::scope;
use super::tables::{IdempotencyRow, OutboxRow, Tables};
use super::unit_of_work::invalid;

/// The operation's name in errors.
pub(super) const COMMIT: &str = "commit";

/// Writes the record of a unit of work of `tenant`, or of one outside of any tenant.
pub(super) fn write(
    tables: &mut Tables,
    tenant: Option<TenantId>,
    now: Timestamp,
    record: &Record,
) -> Result<(), StorageError> {
    let of_another = |named: Option<TenantId>| tenant.is_some() && named != tenant;
    let audit = record.audit();
    let claim = record.idempotency().map(|row| &row.claim);
    if record.events().iter().any(|event| of_another(event.tenant))
        || audit.is_some_and(|entry| of_another(entry.tenant))
        || claim.is_some_and(|claim| of_another(claim.tenant))
    {
        return Err(invalid(COMMIT, "a record of another tenant"));
    }
    for event in record.events() {
        enqueue(tables, event, now)?;
    }
    if let Some(entry) = audit {
        let key = (entry.tenant, entry.at, entry.id);
        if tables.audit.insert(key, entry.clone()).is_some() {
            return Err(StorageError::conflict(COMMIT, Constraint::IDENTITY));
        }
    }
    if let Some(row) = record.idempotency() {
        let answered = IdempotencyRow {
            fingerprint: row.claim.fingerprint,
            answer: row.answer.clone(),
            expires_at: row.expires_at,
        };
        let replaced = tables.idempotency.insert(scope(&row.claim), answered);
        if replaced.is_some_and(|old| now < old.expires_at) {
            return Err(StorageError::conflict(COMMIT, Constraint::IDENTITY));
        }
    }
    Ok(())
}

fn enqueue(tables: &mut Tables, event: &StoredEvent, now: Timestamp) -> Result<(), StorageError> {
    let key = (event.tenant, event.ordering_key.clone());
    let seq = tables.sequences.get(&key).copied().unwrap_or(0) + 1;
    tables.sequences.insert(key, seq);
    let row = OutboxRow {
        event: StoredEvent { seq, ..event.clone() },
        state: OutboxState::Pending,
        due_at: now,
        lease_until: None,
        fence: 0,
        attempts: 0,
        last_error: None,
        settled_at: None,
    };
    tables.unfinished.insert(row.key(), event.id);
    if tables.outbox.insert(event.id, row).is_some() {
        return Err(StorageError::conflict(COMMIT, Constraint::IDENTITY));
    }
    Ok(())
}
