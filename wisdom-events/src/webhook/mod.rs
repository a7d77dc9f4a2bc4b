//! Webhooks out, after Standard Webhooks (<https://www.standardwebhooks.com>, specification 1.0.0).

pub mod body;
pub mod delivery;
mod endpoint;
pub mod fan_out;
pub mod operations;
mod policy;
pub mod receiver;
pub mod schedule;
mod secret;
pub mod signature;
pub mod step;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::id::{DeliveryId, EndpointId, EventId, TenantId};
use wisdom_core::time::Timestamp;
use wisdom_core::value::HttpsUrl;

use crate::store::Fence;

pub use endpoint::EndpointView;
pub use policy::WebhookPolicy;

/// A signing secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    /// The secret's bytes, sealed.
    pub sealed: Vec<u8>,
    /// Until when it signs along; `None` for the current one.
    pub until: Option<Timestamp>,
}

/// Where a tenant wants its events delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Id.
    pub id: EndpointId,
    /// Where to.
    pub url: HttpsUrl,
    /// What it is for, in the tenant's words; at most 200 characters, may be empty.
    pub description: String,
    /// The event kinds wanted; empty for all. A trailing `.*` matches all kinds below.
    pub event_kinds: Vec<String>,
    /// Whether deliveries are made.
    pub enabled: bool,
    /// Why it was disabled by the service (`gone`, `failing`), if it was.
    pub disabled_reason: Option<String>,
    /// Since when every attempt failed.
    pub failing_since: Option<Timestamp>,
    /// The current signing secret first, then old ones that sign along.
    pub secrets: Vec<SealedSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}

impl Endpoint {
    /// Whether the endpoint wants events of this kind.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.event_kinds.is_empty()
            || self
                .event_kinds
                .iter()
                .any(|wanted| match wanted.strip_suffix(".*") {
                    Some(prefix) => kind
                        .strip_prefix(prefix)
                        .is_some_and(|rest| rest.starts_with('.')),
                    None => wanted == kind,
                })
    }
}

/// Where a delivery is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// To be tried (again).
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Given up after the last try; can be replayed.
    Dead,
}

impl DeliveryState {
    const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Id.
    pub id: DeliveryId,
    /// Where to.
    pub endpoint: EndpointId,
    /// What; also the `webhook-id` header, the same at every try.
    pub event: EventId,
    /// The event's kind.
    pub event_kind: String,
    /// Where it is in its life.
    pub state: DeliveryState,
    /// Tries made.
    pub attempts: i32,
    /// When the next try is due.
    pub due_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One try of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Which try, from 1.
    pub number: i32,
    /// When it began.
    pub at: Timestamp,
    /// The receiver's status, if it answered.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: u32,
    /// Why it failed, if not by status: `timeout`, `unavailable`, `refused`, …
    pub error: Option<String>,
    /// The beginning of the receiver's answer, at most 4 KiB, as text.
    pub response: String,
}

/// A delivery that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Whose.
    pub tenant: TenantId,
    /// The delivery, with the try that was claimed counted in `attempts`.
    pub delivery: Delivery,
    /// Proof of this claim.
    pub fence: Fence,
}
