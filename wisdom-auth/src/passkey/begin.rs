//! The beginning of a ceremony.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::ceremony::{Ceremony, CeremonyPurpose};
use super::relying_party::BegunCeremony;
use super::{Passkey, PasskeyError, PasskeyPolicy};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::opaque_token::OpaqueToken;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};
use crate::user::User;

/// The tokens of ceremonies.
pub(super) const TOKEN: OpaqueToken = OpaqueToken::new("wpc_");

/// What the browser is to be asked, and by which token its answer is brought back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CeremonyBegun {
    /// To be sent with the authenticator's answer.
    pub ceremony: SecretText,
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()`, and from there for
    /// `navigator.credentials` as `publicKey` (Web Authentication Level 3, sections 5.1.8 and 5.1.9).
    #[schemars(schema_with = "object")]
    pub public_key: Value,
    /// Seconds until it is worth nothing.
    pub expires_in: u64,
}

fn object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object" })
}

/// Counts a call of somebody who has not signed in yet.
pub(super) async fn throttle<H: AuthHost>(host: &H, caller: &Caller) -> Result<(), AuthError> {
    throttle::source(host, caller, Throttle::PasskeySource).await
}

/// Whom a ceremony is begun for, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct For {
    pub(super) purpose: CeremonyPurpose,
    pub(super) user: Option<UserId>,
    pub(super) sign_in: Option<[u8; 32]>,
}

/// Stores a ceremony, and answers what the browser is to be asked.
pub(super) async fn keep<H: AuthHost>(
    host: &H,
    caller: &Caller,
    whom: For,
    begun: BegunCeremony,
) -> Result<CeremonyBegun, PasskeyError> {
    let kit = host.runner().kit();
    let (token, hash) = TOKEN.mint(&*kit.random)?;
    let keep = KeepCeremony {
        hash,
        purpose: whom.purpose,
        user: whom.user,
        sign_in: whom.sign_in,
        state: begun.state,
    };
    host.runner().on_behalf(caller, &keep).await?;
    Ok(CeremonyBegun {
        ceremony: token,
        public_key: begun.options,
        expires_in: kit.policies.get::<PasskeyPolicy>().ceremony_life().as_secs(),
    })
}

/// Stores a ceremony. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeepCeremony {
    hash: [u8; 32],
    purpose: CeremonyPurpose,
    user: Option<UserId>,
    sign_in: Option<[u8; 32]>,
    state: String,
}

impl Operation for KeepCeremony {
    const NAME: &'static str = "auth.passkey.keep_ceremony";
    const SUMMARY: &'static str = "Stores a ceremony that begins.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for KeepCeremony {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        if self.purpose == CeremonyPurpose::Register {
            require_fresh(tx).await?;
        }
        let frame = std::sync::Arc::clone(tx.frame());
        let life = frame.kit().policies.get::<PasskeyPolicy>().ceremony_life();
        let ceremony = Ceremony {
            hash: self.hash,
            purpose: self.purpose,
            user: self.user,
            sign_in: self.sign_in,
            state: self.state.clone(),
            created_at: frame.now(),
            expires_at: frame.now().saturating_add(life),
        };
        tx.passkey_ceremonies().insert(&ceremony).await?;
        Ok(match self.user {
            None => Outcome::unaudited((), "nobody has proven anything yet"),
            Some(user) => {
                let details = serde_json::json!({ "purpose": self.purpose });
                Outcome::audited((), AuditEntry::on("user", user).with(details))
            }
        })
    }
}

/// Looks up a user and their passkeys. Internal.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FindPasskeys {
    pub(super) user: UserId,
    /// Whether a caller whose proof is too old is refused.
    pub(super) fresh: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FoundPasskeys {
    pub(super) user: User,
    pub(super) passkeys: Vec<Passkey>,
}

impl Operation for FindPasskeys {
    const NAME: &'static str = "auth.passkey.find";
    const SUMMARY: &'static str = "Looks up a user and their passkeys.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = FoundPasskeys;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindPasskeys {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<FoundPasskeys>, AuthError> {
        if self.fresh {
            require_fresh(tx).await?;
        }
        let user = tx.users().find(self.user).await?.ok_or(AuthError::TokenInvalid)?;
        let passkeys = tx.passkeys().list_of_user(self.user).await?;
        Ok(Outcome::unaudited(FoundPasskeys { user, passkeys }, "reads only"))
    }
}
