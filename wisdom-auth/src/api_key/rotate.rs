//! A new secret, while the old one goes on for a while.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::id::ApiKeyId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::create::{KeyWithText, Made, above, of_owner, rights, with_text};
use super::permission::KEY_OWN;
use super::read::visible;
use super::{ApiKey, ApiKeyError, ApiKeyPolicy, KeyKind, StoredSecret, event, text};
use crate::store::ApiKeyTx;

/// Longest time for which both secrets are good.
const MAX_OVERLAP: u32 = 30 * 86_400;

pub(crate) const fn one_day() -> u32 {
    86_400
}

/// Gives a key a new secret. The one it had stays good for a while, the one before that ends at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateApiKey {
    /// Which.
    pub key: ApiKeyId,
    /// For how long the present secret stays good, in seconds: 0 to 2,592,000 (30 days). Default 86,400.
    #[serde(default = "one_day")]
    pub overlap_seconds: u32,
}

impl Operation for RotateApiKey {
    const NAME: &'static str = "auth.api_key.rotate";
    const SUMMARY: &'static str = "Gives an API key a new secret and shows its text once.";
    const ACCESS: Access = Access::Tenant(KEY_OWN);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = KeyWithText;
    type Error = ApiKeyError;
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for RotateApiKey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<KeyWithText>, ApiKeyError> {
        let made = rotate(tx, KeyKind::Key, self.key, self.overlap_seconds).await?;
        Ok(made.map(with_text))
    }
}

/// Gives a key or client a new secret.
pub(crate) async fn rotate<Tx: ApiKeyTx + ?Sized>(
    tx: &mut Tx,
    kind: KeyKind,
    id: ApiKeyId,
    overlap_seconds: u32,
) -> Result<Outcome<Made>, ApiKeyError> {
    if overlap_seconds > MAX_OVERLAP {
        return Err(ApiKeyError::Invalid {
            field: "overlap_seconds",
            rule: "range",
            message: "must be 0 to 2592000",
        });
    }
    let key = visible(tx, kind, id).await?;
    let (user, own) = rights(tx).await?;
    // Whoever gets the text can use the key: nobody gets another's, or one above themself.
    let within = match key.owner {
        Some(owner) => owner == user && own.covers(&of_owner(&own, key.scopes.as_deref())),
        None => own.covers(&key.ceiling()),
    };
    if !within {
        return Err(above("key"));
    }
    let frame = Arc::clone(tx.frame());
    let (kit, now) = (frame.kit(), frame.now());
    if !key.is_live(now) {
        return Err(ApiKeyError::Ended);
    }
    let policy = kit.policies.get::<ApiKeyPolicy>();
    let prefix = kind.prefix(&policy);
    let new = text::mint(&prefix, Some(&key.public_id), &*kit.random)?;
    let overlap = Duration::from_secs(overlap_seconds.into());
    let rotated = ApiKey {
        previous: Some(StoredSecret {
            hash: key.secret.hash,
            at: now.saturating_add(overlap),
        }),
        secret: StoredSecret {
            hash: new.hash,
            at: now,
        },
        version: key.version + 1,
        ..key.clone()
    };
    tx.api_keys().update(&rotated, key.version).await?;
    let entry = rotated
        .entry()
        .with(json!({ "overlap_seconds": overlap_seconds }));
    let told = event::rotated(&rotated);
    let made = Made {
        key: rotated,
        prefix,
        text: new.text,
    };
    Ok(Outcome::audited(made, entry).emit(told))
}
