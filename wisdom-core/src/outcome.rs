//! What a use case hands to commit: its value, the audit decision and the events.

use crate::audit::{AuditEntry, AuditRecord};
use crate::event::{NewEvent, StoredEvent};
use crate::id::{IdSourceExt as _, TenantId};
use crate::idempotency::IdempotencyRecord;
use crate::storage::{StorageError, StorageErrorKind};
use crate::unit_of_work::Frame;

/// The result of a use case, which cannot be made without deciding about audit.
///
/// Whatever must persist although the caller is refused is an `Outcome` too: the flow that ran the use case turns it
/// into the refusal, because an `Err` rolls back.
#[must_use = "an outcome does nothing until it is committed"]
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<T> {
    value: T,
    audit: Option<AuditEntry>,
    events: Vec<NewEvent>,
}

impl<T> Outcome<T> {
    /// Something the audit log must tell.
    pub const fn audited(value: T, entry: AuditEntry) -> Self {
        Self {
            value,
            audit: Some(entry),
            events: Vec::new(),
        }
    }

    /// Something the audit log need not tell, and why.
    pub const fn unaudited(value: T, reason: &'static str) -> Self {
        // The reason is for the reader and for a review's grep; nothing keeps it at run time.
        let _ = reason;
        Self {
            value,
            audit: None,
            events: Vec::new(),
        }
    }

    /// Adds an event.
    pub fn emit(mut self, event: NewEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Adds events.
    pub fn emit_all(mut self, events: impl IntoIterator<Item = NewEvent>) -> Self {
        self.events.extend(events);
        self
    }

    /// The value.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The same with another value: for use cases built from others.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        Outcome {
            value: change(self.value),
            audit: self.audit,
            events: self.events,
        }
    }

    /// Splits into the value and what commit writes.
    ///
    /// # Errors
    /// [`StorageErrorKind::Invalid`] when an event or entry names another tenant than the unit of work's, or the
    /// service's randomness fails.
    pub fn into_record(self, frame: &Frame, action: &'static str) -> Result<(T, Record), StorageError> {
        let tenant_of = |named: Option<TenantId>| match (frame.tenant(), named) {
            (Some(own), Some(other)) if own != other => {
                Err(StorageError::new(StorageErrorKind::Invalid, "commit")
                    .caused_by("a record of another tenant"))
            }
            (own, named) => Ok(own.or(named)),
        };
        let kit = frame.kit();
        let audit = match self.audit {
            None => None,
            Some(entry) => Some(AuditRecord {
                id: kit.ids.id::<crate::id::kind::Audit>(),
                tenant: tenant_of(entry.tenant)?,
                action: action.to_owned(),
                actor: frame.actor(),
                on_behalf_of: frame.on_behalf_of(),
                target: entry.target,
                result: entry.result,
                at: frame.now(),
                request: frame.request().id,
                details: entry.details,
            }),
        };
        let mut events = Vec::with_capacity(self.events.len());
        for event in self.events {
            events.push(StoredEvent {
                id: kit.ids.id::<crate::id::kind::Event>(),
                tenant: tenant_of(event.tenant)?,
                seq: 0,
                ordering_key: event.ordering_key.unwrap_or_else(|| event.subject.clone()),
                kind: event.kind.to_owned(),
                subject: event.subject,
                audience: event.audience,
                actor: frame.actor(),
                on_behalf_of: frame.on_behalf_of(),
                time: frame.now(),
                trace: frame.request().trace,
                data: event.data,
            });
        }
        Ok((
            self.value,
            Record {
                audit,
                events,
                idempotency: None,
            },
        ))
    }
}

/// What commit writes beside the state: made only from an [`Outcome`].
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    audit: Option<AuditRecord>,
    events: Vec<StoredEvent>,
    idempotency: Option<IdempotencyRecord>,
}

impl Record {
    pub(crate) fn with_idempotency(mut self, record: IdempotencyRecord) -> Self {
        self.idempotency = Some(record);
        self
    }

    /// The audit entry to write.
    #[must_use]
    pub const fn audit(&self) -> Option<&AuditRecord> {
        self.audit.as_ref()
    }

    /// The events to write, in order. `seq` is for the store to assign.
    #[must_use]
    pub fn events(&self) -> &[StoredEvent] {
        &self.events
    }

    /// The idempotency row to write.
    #[must_use]
    pub const fn idempotency(&self) -> Option<&IdempotencyRecord> {
        self.idempotency.as_ref()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.audit.is_none() && self.events.is_empty() && self.idempotency.is_none()
    }
}
