//! Linking an identity by its owner's own wish.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{IdSourceExt as _, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::FederationError;
use super::complete::{Answer, redeem};
use super::identity::{ExternalIdentity, linked};
use crate::kit::AuthHost;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;

/// Links an identity at a provider to the caller's account, with what the provider sent the browser back with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkIdentity {
    /// The provider whose way back the browser came: the last segment of the path that it was sent to.
    pub provider: String,
    /// What the browser kept.
    pub binding: SecretText,
    /// `state` as it came back.
    pub state: SecretText,
    /// `code` as it came back.
    #[serde(default)]
    pub code: Option<SecretText>,
    /// `iss` as it came back, if it did (RFC 9207).
    #[serde(default)]
    pub iss: Option<String>,
    /// `error` as it came back, if it did.
    #[serde(default)]
    pub error: Option<String>,
}

impl Operation for LinkIdentity {
    const NAME: &'static str = "auth.identity.link";
    const SUMMARY: &'static str = "Links an identity at a provider to the caller's account.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ExternalIdentity;
    type Error = FederationError;
}

impl<H: AuthHost> Flow<H> for LinkIdentity {
    async fn run(&self, host: &H, caller: &Caller) -> Result<ExternalIdentity, FederationError> {
        let user = caller.require_session()?.user;
        let answer = Answer {
            provider: &self.provider,
            binding: &self.binding,
            state: &self.state,
            code: self.code.as_ref(),
            iss: self.iss.as_deref(),
            error: self.error.as_deref(),
        };
        let (_, assertion) = redeem(host, caller, &answer, Some(user)).await?;
        let attach = AttachIdentity {
            user,
            provider: self.provider.clone(),
            issuer: assertion.issuer,
            subject: assertion.subject,
            email: assertion.verified_email,
        };
        host.runner().on_behalf(caller, &attach).await
    }
}

/// Links an identity that was proven to the user who asked for it. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachIdentity {
    user: UserId,
    provider: String,
    issuer: String,
    subject: String,
    email: Option<EmailAddress>,
}

impl Operation for AttachIdentity {
    const NAME: &'static str = "auth.identity.attach";
    const SUMMARY: &'static str = "Links an identity that was proven to the user who asked for it.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ExternalIdentity;
    type Error = FederationError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for AttachIdentity {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ExternalIdentity>, FederationError> {
        require_fresh(tx).await?;
        let frame = Arc::clone(tx.frame());
        let user = tx
            .users()
            .find(self.user)
            .await?
            .ok_or(FederationError::IdentityNotFound)?;
        let known = tx
            .external_identities()
            .find_by_subject(&self.issuer, &self.subject)
            .await?;
        if let Some(known) = known {
            return if known.user == self.user {
                Ok(Outcome::unaudited(known, "it was linked before"))
            } else {
                Err(FederationError::IdentityTaken)
            };
        }
        let identity = ExternalIdentity {
            id: frame.kit().ids.id(),
            user: self.user,
            provider: self.provider.clone(),
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            email: self.email.clone(),
            created_at: frame.now(),
            last_used_at: frame.now(),
        };
        match tx.external_identities().insert(&identity).await {
            Err(error) if error.violates(Constraint::EXTERNAL_IDENTITY) => {
                return Err(FederationError::IdentityTaken);
            }
            result => result?,
        }
        let details = json!({ "identity": identity.id, "provider": self.provider, "by": "owner" });
        let events = linked(&frame, &user, &identity)?;
        Ok(Outcome::audited(identity, AuditEntry::on("user", self.user).with(details)).emit_all(events))
    }
}
