//! What a user does with passkeys besides using them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, AccessError};
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{PasskeyId, SessionId};
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::DisplayName;

use super::{PasskeyError, PasskeyInfo, event};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::second_factor::enrolment::void_unneeded_codes;
use crate::session::credentials::credentials_changed;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;

/// Lists the caller's passkeys.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListPasskeys {}

/// Passkeys, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyList {
    /// The passkeys.
    pub items: Vec<PasskeyInfo>,
}

impl Operation for ListPasskeys {
    const NAME: &'static str = "auth.passkey.list";
    const SUMMARY: &'static str = "Lists the caller's passkeys.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Read;
    type Output = PasskeyList;
    type Error = PasskeyError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ListPasskeys {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<PasskeyList>, PasskeyError> {
        let user = tx.frame().session().ok_or(AccessError::InPerson)?.user;
        let passkeys = tx.passkeys().list_of_user(user).await?;
        let items = passkeys.iter().map(PasskeyInfo::from).collect();
        Ok(Outcome::unaudited(
            PasskeyList { items },
            "reads the caller's own",
        ))
    }
}

/// Names one of the caller's passkeys. The caller must have proven who they are just now.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamePasskey {
    /// The passkey.
    pub passkey: PasskeyId,
    /// The name.
    pub name: DisplayName,
}

impl Operation for RenamePasskey {
    const NAME: &'static str = "auth.passkey.rename";
    const SUMMARY: &'static str = "Names one of the caller's passkeys.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = PasskeyError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RenamePasskey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, PasskeyError> {
        let user = require_fresh(tx).await?.user;
        if !tx.passkeys().rename(self.passkey, user, &self.name).await? {
            return Err(PasskeyError::NotFound);
        }
        let details = json!({ "passkey": self.passkey });
        Ok(Outcome::audited((), AuditEntry::on("user", user).with(details)))
    }
}

/// Removes one of the caller's passkeys, who must have proven who they are just now. With the last second factor the
/// recovery codes go.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovePasskey {
    /// The passkey.
    pub passkey: PasskeyId,
}

impl Operation for RemovePasskey {
    const NAME: &'static str = "auth.passkey.remove";
    const SUMMARY: &'static str = "Removes one of the caller's passkeys.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for RemovePasskey {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), PasskeyError> {
        let runner = host.runner();
        let passkey = self.passkey;
        let ended = runner.on_behalf(caller, &DropPasskey { passkey }).await?;
        host.auth().revocations.revoke(ended, runner.kit().clock.now());
        Ok(())
    }
}

/// Removes a passkey and ends all other sessions, in one unit of work; answers the sessions. Internal.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DropPasskey {
    passkey: PasskeyId,
}

impl Operation for DropPasskey {
    const NAME: &'static str = RemovePasskey::NAME;
    const SUMMARY: &'static str = RemovePasskey::SUMMARY;
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Vec<SessionId>;
    type Error = PasskeyError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for DropPasskey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Vec<SessionId>>, PasskeyError> {
        let frame = Arc::clone(tx.frame());
        let user = frame.session().ok_or(AccessError::InPerson)?.user;
        // Before the session is read: of two changes at the same moment the later one sees what the earlier one did.
        tx.users().lock_credentials(user).await?;
        let session = require_fresh(tx).await?;
        let person = tx.users().find(user).await?.ok_or(AuthError::TokenInvalid)?;
        let own = tx.passkeys().list_of_user(user).await?;
        let passkey = own
            .into_iter()
            .find(|one| one.id == self.passkey)
            .ok_or(PasskeyError::NotFound)?;
        tx.passkeys().delete(passkey.id, user).await?;
        void_unneeded_codes(tx, user).await?;
        let changed = credentials_changed(tx, user, Some(session.id)).await?;
        let details = json!({ "passkey": passkey.id, "sessions_ended": changed.ended.len() });
        let told = event::told(&frame, event::REMOVED, &person, &passkey)?;
        let entry = AuditEntry::on("user", user).with(details);
        Ok(Outcome::audited(changed.ended, entry)
            .emit_all(told)
            .emit_all(changed.event))
    }
}
