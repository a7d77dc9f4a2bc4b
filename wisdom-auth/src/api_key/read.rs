//! Seeing keys, never their secrets.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Principal;
use wisdom_core::id::{ApiKeyId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery};
use wisdom_core::unit_of_work::{Effect, Frame};
use wisdom_core::use_case::{Operation, UseCase};

use super::permission::{KEY_MANAGE, KEY_OWN};
use super::{ApiKey, ApiKeyError, ApiKeyPolicy, ApiKeyView, KeyKind};
use crate::store::ApiKeyTx;

/// Lists the keys that the caller may see, oldest first: their own, and all for those who manage them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListApiKeys {
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

/// Reads one key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetApiKey {
    /// Which.
    pub key: ApiKeyId,
}

impl Operation for ListApiKeys {
    const NAME: &'static str = "auth.api_key.list";
    const SUMMARY: &'static str = "Lists API keys: your own, and all if you manage them.";
    const ACCESS: Access = Access::Tenant(KEY_OWN);
    const EFFECT: Effect = Effect::Read;
    type Output = Page<ApiKeyView>;
    type Error = ApiKeyError;
}

impl Operation for GetApiKey {
    const NAME: &'static str = "auth.api_key.get";
    const SUMMARY: &'static str = "Reads one API key, without its secret.";
    const ACCESS: Access = Access::Tenant(KEY_OWN);
    const EFFECT: Effect = Effect::Read;
    type Output = ApiKeyView;
    type Error = ApiKeyError;
}

/// Whose personal keys the caller sees: `None` for all there are.
fn sight(frame: &Frame) -> Option<UserId> {
    let manages = frame.grants().is_some_and(|grants| grants.allows(KEY_MANAGE));
    // Nobody has the nil id: a key of the tenant that does not manage keys sees none.
    let own = frame.principal().and_then(Principal::user);
    (!manages).then(|| own.unwrap_or(UserId::from_uuid(uuid::Uuid::nil())))
}

/// The key, if the caller may see it.
pub(crate) async fn visible<Tx: ApiKeyTx + ?Sized>(
    tx: &mut Tx,
    kind: KeyKind,
    id: ApiKeyId,
) -> Result<ApiKey, ApiKeyError> {
    let sight = sight(tx.frame());
    let key = tx.api_keys().find(id).await?;
    let key = key.filter(|key| key.kind == kind).ok_or(ApiKeyError::NotFound)?;
    if sight.is_some_and(|own| key.owner != Some(own)) {
        return Err(ApiKeyError::NotFound);
    }
    Ok(key)
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for ListApiKeys {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<ApiKeyView>>, ApiKeyError> {
        let frame = Arc::clone(tx.frame());
        let prefix = frame.kit().policies.get::<ApiKeyPolicy>().prefix.clone();
        let sight = sight(&frame);
        let filter = sight.map(|own| own.as_uuid().into_bytes());
        let filter = filter.as_ref().map_or(&[][..], |bytes| &bytes[..]);
        let request = self.page.open(&frame, Self::NAME, filter)?;
        let slice = tx.api_keys().list(KeyKind::Key, sight, &request).await?;
        let slice = slice.map(|key| ApiKeyView::of(&key, &prefix));
        Ok(Outcome::unaudited(
            Page::seal(slice, &frame, Self::NAME, filter)?,
            "reads only",
        ))
    }
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for GetApiKey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ApiKeyView>, ApiKeyError> {
        let key = visible(tx, KeyKind::Key, self.key).await?;
        let policy = tx.frame().kit().policies.get::<ApiKeyPolicy>();
        Ok(Outcome::unaudited(
            ApiKeyView::of(&key, &policy.prefix),
            "reads only",
        ))
    }
}
