//! What the edge asks of storage when a key is presented.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::id::{ApiKeyId, TenantId};
use wisdom_core::outcome::Outcome;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{ApiKey, KeyKind};
use crate::error::AuthError;
use crate::store::IdentityTx;
use crate::user::UserState;

/// Looks a key up by the public part of its text. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindApiKey {
    /// The public part.
    pub public_id: String,
}

/// The key, if there is one whose owner may still sign in. Never leaves the process.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FoundApiKey {
    /// The key.
    #[serde(skip)]
    pub key: Option<ApiKey>,
}

impl Operation for FindApiKey {
    const NAME: &'static str = "auth.api_key.find";
    const SUMMARY: &'static str = "Looks a key up by the public part of its text.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = FoundApiKey;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindApiKey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<FoundApiKey>, AuthError> {
        let mut key = tx.presented_keys().find(&self.public_id).await?;
        key = key.filter(|key| key.kind == KeyKind::Key);
        if let Some(owner) = key.as_ref().and_then(|key| key.owner) {
            let user = tx.users().find(owner).await?;
            if user.is_none_or(|user| user.state != UserState::Active) {
                key = None;
            }
        }
        Ok(Outcome::unaudited(
            FoundApiKey { key },
            "read for requests with a key",
        ))
    }
}

/// Notes that a key was used. Internal, and run beside requests, at most once a minute a key.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteKeyUse {
    /// The key's tenant.
    pub tenant: TenantId,
    /// The key.
    pub key: ApiKeyId,
    /// When.
    pub at: Timestamp,
}

impl Operation for NoteKeyUse {
    const NAME: &'static str = "auth.api_key.note_use";
    const SUMMARY: &'static str = "Notes that an API key was used.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for NoteKeyUse {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        tx.presented_keys()
            .note_use(self.tenant, self.key, self.at)
            .await?;
        Ok(Outcome::unaudited(
            (),
            "what the key does is audited by what it runs",
        ))
    }
}
