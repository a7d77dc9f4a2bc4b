//! What is told about keys, never with a secret.

use serde_json::json;
use wisdom_core::event::NewEvent;
use wisdom_core::id::{ApiKeyId, UserId};

use super::ApiKey;

fn about(kind: &'static str, key: &ApiKey) -> NewEvent {
    let data = json!({ "key": key.id, "owner": key.owner, "creator": key.creator });
    NewEvent::new(kind, key.id, data)
}

/// `auth.api_key.created`.
pub(super) fn created(key: &ApiKey) -> NewEvent {
    about("auth.api_key.created", key)
}

/// `auth.api_key.rotated`.
pub(super) fn rotated(key: &ApiKey) -> NewEvent {
    about("auth.api_key.rotated", key)
}

/// `auth.api_key.revoked`.
pub(super) fn revoked(key: &ApiKey) -> NewEvent {
    about("auth.api_key.revoked", key)
}

/// `auth.api_key.needs_review`: who made the key has left the tenant, and the key lives on.
#[must_use]
pub fn needs_review(key: ApiKeyId, creator: UserId) -> NewEvent {
    let data = json!({ "key": key, "creator": creator });
    NewEvent::new("auth.api_key.needs_review", key, data)
}
