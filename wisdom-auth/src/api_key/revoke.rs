//! The end of a key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, AccessError, Callers, Grants, Permission};
use wisdom_core::context::Principal;
use wisdom_core::id::ApiKeyId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::{Effect, Frame};
use wisdom_core::use_case::{Operation, UseCase};

use super::permission::{KEY_OWN, KEY_REVOKE_ANY};
use super::read::visible;
use super::{ApiKey, ApiKeyError, KeyKind, event};
use crate::store::ApiKeyTx;

/// Ends a key for ever. What it did stays in the audit log, and the key in the list. Revoking twice is no error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeApiKey {
    /// Which.
    pub key: ApiKeyId,
}

impl Operation for RevokeApiKey {
    const NAME: &'static str = "auth.api_key.revoke";
    const SUMMARY: &'static str = "Ends an API key for ever.";
    const ACCESS: Access = Access::Tenant(KEY_OWN);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = ();
    type Error = ApiKeyError;
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for RevokeApiKey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, ApiKeyError> {
        revoke(tx, KeyKind::Key, self.key).await
    }
}

/// Ends a key or client for ever.
pub(crate) async fn revoke<Tx: ApiKeyTx + ?Sized>(
    tx: &mut Tx,
    kind: KeyKind,
    id: ApiKeyId,
) -> Result<Outcome<()>, ApiKeyError> {
    let key = visible(tx, kind, id).await?;
    let frame = std::sync::Arc::clone(tx.frame());
    check_end(&frame, &key)?;
    if key.revoked_at.is_some() {
        return Ok(Outcome::unaudited((), "it was revoked before"));
    }
    let revoked = ApiKey {
        revoked_at: Some(frame.now()),
        version: key.version + 1,
        ..key.clone()
    };
    tx.api_keys().update(&revoked, key.version).await?;
    let entry = key.entry().with(json!({ "owner": key.owner }));
    Ok(Outcome::audited((), entry).emit(event::revoked(&revoked)))
}

/// Refuses who may not end this key.
pub(crate) fn check_end(frame: &Frame, key: &ApiKey) -> Result<(), AccessError> {
    let grants = frame.grants().ok_or(AccessError::NotTenant)?;
    let caller = frame.principal().and_then(Principal::user);
    let own = key.owner.is_some() && key.owner == caller;
    if own || grants.allows(KEY_REVOKE_ANY) || may_end(grants, key) {
        return Ok(());
    }
    Err(forbidden(KEY_REVOKE_ANY))
}

/// Those who manage keys end the tenant's keys of no higher rank.
fn may_end(grants: &Grants, key: &ApiKey) -> bool {
    key.owner.is_none() && grants.role() >= key.role
}

const fn forbidden(permission: Permission) -> AccessError {
    AccessError::Forbidden {
        permission: permission.name(),
    }
}
