//! What commit writes: events with their places in order, the audit entry, the idempotency row.

use std::collections::BTreeMap;

use uuid::Uuid;
use wisdom_core::audit::AuditRecord;
use wisdom_core::context::Actor;
use wisdom_core::event::StoredEvent;
use wisdom_core::id::{Id, TenantId};
use wisdom_core::idempotency::IdempotencyRecord;
use wisdom_core::outcome::Record;
use wisdom_core::storage::{StorageError, StorageErrorKind};

use super::row::Row;
use super::statement::Statement;
use super::unit::Unit;
use super::value::Value;

pub(super) const NEXT_SEQ: Statement = Statement::new(
    "commit.sequence",
    "INSERT INTO event_sequences (tenant_id, ordering_key, last_seq) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id, ordering_key)
     DO UPDATE SET last_seq = event_sequences.last_seq + excluded.last_seq RETURNING last_seq",
);
const EVENT: Statement = Statement::new(
    "commit.event",
    "INSERT INTO outbox_events (id, tenant_id, seq, ordering_key, kind, subject, audience, actor_kind, actor_id,
     occurred_at, trace, data, due_at, on_behalf_of)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $10, $13)",
);
const AUDIT: Statement = Statement::new(
    "commit.audit",
    "INSERT INTO audit_entries (id, tenant_id, action, actor_kind, actor_id, target_kind, target_id, result, at,
     request_id, details, on_behalf_of) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
const IDEMPOTENCY: Statement = Statement::new(
    "commit.idempotency",
    "INSERT INTO idempotency_keys (tenant_id, user_id, key, fingerprint, answer, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (tenant_id, user_id, key) DO UPDATE SET fingerprint = excluded.fingerprint,
     answer = excluded.answer, expires_at = excluded.expires_at WHERE idempotency_keys.expires_at <= $7",
);

/// The id that stands for "no tenant" where a key must not be NULL.
pub(super) fn scope(tenant: Option<TenantId>) -> Uuid {
    tenant.map_or(Uuid::nil(), |tenant| tenant.as_uuid())
}

/// An actor as it is stored.
pub(super) fn actor_columns(actor: Actor) -> (Value<'static>, Value<'static>) {
    let (kind, id) = match actor {
        Actor::User(user) => ("user", Some(user.as_uuid())),
        Actor::ApiKey(key) => ("api_key", Some(key.as_uuid())),
        Actor::Client(client) => ("client", Some(client.as_uuid())),
        Actor::Operator(user) => ("operator", Some(user.as_uuid())),
        Actor::Anonymous => ("anonymous", None),
        Actor::System => ("system", None),
    };
    (kind.into(), id.into())
}

/// The actor stored in this column and the next.
pub(super) fn actor(row: &Row, at: usize) -> Result<Actor, StorageError> {
    let id = row.opt_uuid(at + 1)?;
    row.read(at, |kind| match (kind, id) {
        ("user", Some(id)) => Some(Actor::User(Id::from_uuid(id))),
        ("api_key", Some(id)) => Some(Actor::ApiKey(Id::from_uuid(id))),
        ("client", Some(id)) => Some(Actor::Client(Id::from_uuid(id))),
        ("operator", Some(id)) => Some(Actor::Operator(Id::from_uuid(id))),
        ("anonymous", None) => Some(Actor::Anonymous),
        ("system", None) => Some(Actor::System),
        _ => None,
    })
}

impl Unit {
    /// Writes a record's rows. Those of another tenant are refused.
    pub(super) async fn write(&mut self, record: &Record) -> Result<(), StorageError> {
        let own = self.sql_tx().frame().tenant();
        let named = record
            .events()
            .iter()
            .map(|event| event.tenant)
            .chain(record.audit().map(|entry| entry.tenant))
            .chain(record.idempotency().map(|row| row.claim.tenant));
        if own.is_some() && named.into_iter().any(|tenant| tenant != own) {
            return Err(StorageError::new(StorageErrorKind::Invalid, "commit")
                .caused_by("a record of another tenant"));
        }
        self.write_events(record.events()).await?;
        if let Some(entry) = record.audit() {
            self.write_audit(entry).await?;
        }
        if let Some(row) = record.idempotency() {
            self.write_idempotency(row).await?;
        }
        Ok(())
    }

    /// The row of a key's sequence stays locked until commit, so numbers are given in the order of commits and a
    /// rollback leaves no gap. Keys are taken in one order by everyone, so nobody waits in a circle.
    async fn write_events(&mut self, events: &[StoredEvent]) -> Result<(), StorageError> {
        let mut keys: BTreeMap<(Uuid, &str), i64> = BTreeMap::new();
        for event in events {
            *keys
                .entry((scope(event.tenant), event.ordering_key.as_str()))
                .or_default() += 1;
        }
        for ((scope, key), count) in &mut keys {
            let values = [(*scope).into(), (*key).into(), (*count).into()];
            let last = match self.sql_tx().fetch_optional(&NEXT_SEQ, &values).await? {
                Some(row) => row.int(0)?,
                None => return Err(StorageError::new(StorageErrorKind::Internal, NEXT_SEQ.name())),
            };
            *count = last - *count;
        }
        for event in events {
            let Some(last) = keys.get_mut(&(scope(event.tenant), event.ordering_key.as_str())) else {
                continue;
            };
            *last += 1;
            let (actor_kind, actor_id) = actor_columns(event.actor);
            let trace = event.trace.to_string();
            let values = [
                event.id.into(),
                event.tenant.into(),
                (*last).into(),
                event.ordering_key.as_str().into(),
                event.kind.as_str().into(),
                event.subject.as_str().into(),
                event.audience.as_str().into(),
                actor_kind,
                actor_id,
                event.time.into(),
                trace.as_str().into(),
                (&event.data).into(),
                event.on_behalf_of.into(),
            ];
            self.sql_tx().execute(&EVENT, &values).await?;
        }
        Ok(())
    }

    async fn write_audit(&mut self, entry: &AuditRecord) -> Result<(), StorageError> {
        let (actor_kind, actor_id) = actor_columns(entry.actor);
        let values = [
            entry.id.into(),
            entry.tenant.into(),
            entry.action.as_str().into(),
            actor_kind,
            actor_id,
            entry.target.kind.as_str().into(),
            entry.target.id.as_str().into(),
            entry.result.as_str().into(),
            entry.at.into(),
            entry.request.into(),
            (&entry.details).into(),
            entry.on_behalf_of.into(),
        ];
        self.sql_tx().execute(&AUDIT, &values).await?;
        Ok(())
    }

    async fn write_idempotency(&mut self, row: &IdempotencyRecord) -> Result<(), StorageError> {
        let now = self.sql_tx().frame().now();
        let values = [
            scope(row.claim.tenant).into(),
            row.claim.caller.into(),
            row.claim.key.as_str().into(),
            (&row.claim.fingerprint).into(),
            (&row.answer).into(),
            row.expires_at.into(),
            now.into(),
        ];
        if self.sql_tx().execute(&IDEMPOTENCY, &values).await? == 1 {
            Ok(())
        } else {
            // Somebody who made no claim wrote the key: run again, and see it.
            Err(StorageError::new(
                StorageErrorKind::Contention,
                IDEMPOTENCY.name(),
            ))
        }
    }
}
