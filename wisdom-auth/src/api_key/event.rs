//! What is told about keys, never with a secret.

use serde_json::json;
use wisdom_core::event::NewEvent;
use wisdom_core::id::{ApiKeyId, ClientId, UserId};

use super::{ApiKey, KeyKind};
use crate::oauth::certificate::ClientCertificate;

/// The event of a key under the first name, or of a client under the second.
fn about(of_key: &'static str, of_client: &'static str, key: &ApiKey) -> NewEvent {
    match key.kind {
        KeyKind::Key => {
            let data = json!({ "key": key.id, "owner": key.owner, "creator": key.creator });
            NewEvent::new(of_key, key.id, data)
        }
        KeyKind::Client => {
            let client = ClientId::from_uuid(key.id.as_uuid());
            let data = json!({ "client": client, "creator": key.creator });
            NewEvent::new(of_client, client, data)
        }
    }
}

/// `auth.api_key.created`, `auth.client.created`.
pub(super) fn created(key: &ApiKey) -> NewEvent {
    about("auth.api_key.created", "auth.client.created", key)
}

/// `auth.api_key.rotated`, `auth.client.rotated`.
pub(super) fn rotated(key: &ApiKey) -> NewEvent {
    about("auth.api_key.rotated", "auth.client.rotated", key)
}

/// `auth.api_key.revoked`, `auth.client.revoked`.
pub(super) fn revoked(key: &ApiKey) -> NewEvent {
    about("auth.api_key.revoked", "auth.client.revoked", key)
}

/// `auth.client.certificate_added`, `auth.client.certificate_removed`.
pub(crate) fn certificate(name: &'static str, client: &ApiKey, certificate: &ClientCertificate) -> NewEvent {
    let id = ClientId::from_uuid(client.id.as_uuid());
    let data =
        json!({ "client": id, "certificate": certificate.thumbprint, "expires_at": certificate.expires_at });
    NewEvent::new(name, id, data)
}

/// `auth.api_key.needs_review`: who made the key has left the tenant, and the key lives on.
#[must_use]
pub fn needs_review(key: ApiKeyId, creator: UserId) -> NewEvent {
    let data = json!({ "key": key, "creator": creator });
    NewEvent::new("auth.api_key.needs_review", key, data)
}
