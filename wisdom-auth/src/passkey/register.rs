//! Making a passkey.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, AccessError};
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{IdSourceExt as _, SessionId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::DisplayName;

use super::begin::{self, CeremonyBegun, FindPasskeys, For};
use super::ceremony::CeremonyPurpose;
use super::proof::{self, Returned};
use super::relying_party::CredentialResponse;
use super::{Passkey, PasskeyError, PasskeyInfo, PasskeyPolicy, event};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::second_factor::enrolment::{new_codes, prove};
use crate::second_factor::set_up::SetUp;
use crate::session::Session;
use crate::session::credentials::credentials_changed;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};

/// Begins to make a passkey for the caller, who must have proven who they are just now.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginPasskey {}

impl Operation for BeginPasskey {
    const NAME: &'static str = "auth.passkey.begin";
    const SUMMARY: &'static str = "Begins to make a passkey for the caller.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = CeremonyBegun;
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for BeginPasskey {
    async fn run(&self, host: &H, caller: &Caller) -> Result<CeremonyBegun, PasskeyError> {
        let relying_party = host.auth().passkeys.relying_party()?;
        let user = caller.require_session()?.user;
        throttle::user(host, user, Throttle::PasskeyCeremony).await?;
        let find = FindPasskeys { user, fresh: true };
        let found = host.runner().on_behalf(caller, &find).await?;
        let most = host.runner().kit().policies.get::<PasskeyPolicy>().most();
        if found.passkeys.len() >= most as usize {
            return Err(PasskeyError::Limit);
        }
        let begun = relying_party.begin_registration(&found.user, &found.passkeys)?;
        let whom = For {
            purpose: CeremonyPurpose::Register,
            user: Some(user),
            sign_in: None,
        };
        begin::keep(host, caller, whom, begun).await
    }
}

/// Makes the passkey, with what the authenticator answered. The caller must have proven who they are just now.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPasskey {
    /// The token of the ceremony.
    pub ceremony: SecretText,
    /// What the passkey is to be called.
    pub name: DisplayName,
    /// The authenticator's answer.
    pub credential: CredentialResponse,
}

/// A passkey that was made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyAdded {
    /// The passkey.
    pub passkey: PasskeyInfo,
    /// Recovery codes, shown once, if it is the first second factor of its user: each works once in its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery_codes: Vec<SecretText>,
}

impl Operation for AddPasskey {
    const NAME: &'static str = "auth.passkey.add";
    const SUMMARY: &'static str = "Makes a passkey for the caller.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = PasskeyAdded;
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for AddPasskey {
    async fn run(&self, host: &H, caller: &Caller) -> Result<PasskeyAdded, PasskeyError> {
        let relying_party = host.auth().passkeys.relying_party()?;
        let user = caller.require_session()?.user;
        throttle::user(host, user, Throttle::PasskeyCeremony).await?;
        let returned = Returned {
            token: &self.ceremony,
            purpose: CeremonyPurpose::Register,
            user: Some(user),
            sign_in: None,
        };
        let (ceremony, _) = proof::ceremony(host, caller, returned, None).await?;
        let made = match relying_party.finish_registration(&ceremony.state, &self.credential) {
            Ok(made) => made,
            Err(fault) => return proof::refuse(host, caller, &ceremony, fault, None).await,
        };
        let keep = KeepPasskey {
            ceremony: ceremony.hash,
            name: self.name.clone(),
            credential_id: made.credential_id,
            credential: made.credential,
            counter: made.counter,
            backed_up: made.backed_up,
            user_verified: made.user_verified,
        };
        let kept = host.runner().on_behalf(caller, &keep).await?;
        let now = host.runner().kit().clock.now();
        host.auth().revocations.revoke(kept.ended, now);
        Ok(kept.added)
    }
}

/// Stores a passkey that was verified, and ends all other sessions of its user. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeepPasskey {
    ceremony: [u8; 32],
    name: DisplayName,
    credential_id: Vec<u8>,
    credential: String,
    counter: u32,
    backed_up: bool,
    user_verified: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct KeptPasskey {
    added: PasskeyAdded,
    ended: Vec<SessionId>,
}

impl Operation for KeepPasskey {
    const NAME: &'static str = "auth.passkey.keep";
    const SUMMARY: &'static str = "Stores a passkey that was verified.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = KeptPasskey;
    type Error = PasskeyError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for KeepPasskey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<KeptPasskey>, PasskeyError> {
        let frame = Arc::clone(tx.frame());
        let (kit, now) = (frame.kit(), frame.now());
        let user = frame.session().ok_or(AccessError::InPerson)?.user;
        tx.users()
            .lock_credentials(user)
            .await?
            .ok_or(AuthError::TokenInvalid)?;
        let session = require_fresh(tx).await?;
        if !tx.passkey_ceremonies().consume(&self.ceremony, now).await? {
            return Err(PasskeyError::CeremonyInvalid);
        }
        let person = tx.users().find(user).await?.ok_or(AuthError::TokenInvalid)?;
        let had_second_factor = SetUp::of(tx, user).await?.any();
        let passkey = Passkey {
            id: kit.ids.id(),
            user,
            credential_id: self.credential_id.clone(),
            credential: self.credential.clone(),
            name: self.name.clone(),
            counter: self.counter,
            backed_up: self.backed_up,
            user_verified: self.user_verified,
            created_at: now,
            last_used_at: None,
        };
        let most = kit.policies.get::<PasskeyPolicy>().most();
        match tx.passkeys().insert(&passkey, most).await {
            Ok(true) => {}
            Ok(false) => return Err(PasskeyError::Limit),
            Err(error) if error.violates(Constraint::PASSKEY) => return Err(PasskeyError::Exists),
            Err(error) => return Err(error.into()),
        }
        let recovery_codes = if had_second_factor {
            Vec::new()
        } else {
            new_codes(tx, user).await?
        };
        let proven = Session {
            second_factor_at: Some(now),
            ..session.clone()
        };
        prove(tx, proven).await?;
        let changed = credentials_changed(tx, user, Some(session.id)).await?;
        let details = json!({
            "passkey": passkey.id,
            "user_verified": passkey.user_verified,
            "backed_up": passkey.backed_up,
            "sessions_ended": changed.ended.len(),
        });
        let kept = KeptPasskey {
            added: PasskeyAdded {
                passkey: PasskeyInfo::from(&passkey),
                recovery_codes,
            },
            ended: changed.ended,
        };
        let told = event::told(&frame, event::REGISTERED, &person, &passkey)?;
        Ok(Outcome::audited(kept, AuditEntry::on("user", user).with(details))
            .emit_all(told)
            .emit_all(changed.event))
    }
}
