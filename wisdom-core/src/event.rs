//! Events: what happened, told in the transaction in which it happened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::Actor;
use crate::id::{EventId, TenantId, UserId};
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// Who may see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// The tenant's webhooks and feeds, and the service.
    Tenant,
    /// The service's own consumers only.
    Internal,
}

impl Audience {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Internal => "internal",
        }
    }
}

/// An event that a use case emits. It becomes a [`StoredEvent`] at commit.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub(crate) kind: &'static str,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) subject: String,
    pub(crate) ordering_key: Option<String>,
    pub(crate) audience: Audience,
    pub(crate) data: Value,
}

impl NewEvent {
    /// An event of a kind (`tenancy.membership.created`) about a subject (its id as text).
    ///
    /// In a tenant's unit of work it is an event of that tenant. Events of one subject keep their order.
    #[must_use]
    pub fn new(kind: &'static str, subject: impl ToString, data: Value) -> Self {
        Self {
            kind,
            tenant: None,
            subject: subject.to_string(),
            ordering_key: None,
            audience: Audience::Tenant,
            data,
        }
    }

    /// The same, as an event of this tenant: for units of work outside of any tenant.
    #[must_use]
    pub const fn of_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// The same, for the service's own consumers only.
    #[must_use]
    pub const fn internal(mut self) -> Self {
        self.audience = Audience::Internal;
        self
    }

    /// The same, ordered with all events of this key instead of those of its subject.
    #[must_use]
    pub fn ordered_by(mut self, key: impl Into<String>) -> Self {
        self.ordering_key = Some(key.into());
        self
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }
}

/// An event as the outbox keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// UUIDv7, the same at every delivery.
    pub id: EventId,
    /// The tenant it belongs to; `None` for events of identity.
    pub tenant: Option<TenantId>,
    /// Place in the order of its key, from 1 without gaps.
    pub seq: i64,
    /// Events of one tenant and key are delivered in order of `seq`.
    pub ordering_key: String,
    /// What happened, for example `tenancy.membership.created`.
    pub kind: String,
    /// The id of what it happened to.
    pub subject: String,
    /// Who may see it.
    pub audience: Audience,
    /// Who did it.
    pub actor: Actor,
    /// For which user, when that is somebody else: the owner of a personal key, or the one an operator acted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<UserId>,
    /// When, by the clock of the unit of work.
    pub time: Timestamp,
    /// The trace it happened in.
    #[serde(with = "trace_text")]
    pub trace: TraceContext,
    /// The facts.
    pub data: Value,
}

impl StoredEvent {
    /// The event in the JSON format of `CloudEvents` 1.0, with the extensions `tenantid`, `seq` and `traceparent`.
    ///
    /// `source` is the configured public origin; `dataschema` names the version of the data's schema.
    #[must_use]
    pub fn envelope(&self, source: &str) -> CloudEvent {
        CloudEvent {
            specversion: "1.0".to_owned(),
            id: self.id.to_string(),
            source: source.to_owned(),
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            time: self.time,
            datacontenttype: "application/json".to_owned(),
            dataschema: format!("urn:wisdom:event:{}:1", self.kind),
            tenantid: self.tenant.map(|t| t.to_string()),
            seq: self.seq,
            traceparent: self.trace.to_string(),
            data: self.data.clone(),
        }
    }
}

/// The JSON format of `CloudEvents` 1.0 (<https://cloudevents.io>, JSON format specification).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// The event's id, the same at every delivery.
    pub id: String,
    /// The service that tells it.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of what it happened to.
    pub subject: String,
    /// When.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The schema of `data`, with its version.
    pub dataschema: String,
    /// The tenant (extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenantid: Option<String>,
    /// Place in the order of its subject (extension): a gap means a delivery is still to come.
    pub seq: i64,
    /// W3C trace context (extension).
    pub traceparent: String,
    /// The facts.
    pub data: Value,
}

mod trace_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::trace::TraceContext;

    pub(super) fn serialize<S: Serializer>(trace: &TraceContext, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(trace)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TraceContext, D::Error> {
        let text = String::deserialize(deserializer)?;
        TraceContext::parse(&text).ok_or_else(|| serde::de::Error::custom("must be a traceparent"))
    }
}
