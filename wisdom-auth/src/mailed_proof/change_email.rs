//! Changing one's address: the new one is proven, and both are told.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::event::NewEvent;
use wisdom_core::id::SessionId;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::{ProofAccepted, ProofWish};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::one_time_token::{self, TokenPurpose};
use crate::session::credentials::credentials_changed;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};
use crate::user::{User, UserState};

const PURPOSE: TokenPurpose = TokenPurpose::ChangeEmail;
/// The kind of the event that a user's address changed.
const EMAIL_CHANGED: &str = "auth.user.email_changed";

/// Asks for a mail to a new address with which it becomes the caller's. Needs a fresh proof of who the caller is; the
/// present address is told. The answer is the same whether or not somebody has the new address.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestEmailChange {
    /// The new address.
    pub email: EmailAddress,
}

impl Operation for RequestEmailChange {
    const NAME: &'static str = "auth.email.request_change";
    const SUMMARY: &'static str = "Asks for a mail with which a new address becomes the caller's.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ProofAccepted;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for RequestEmailChange {
    async fn run(&self, host: &H, caller: &Caller) -> Result<ProofAccepted, AuthError> {
        throttle::user(host, caller.require_session()?.user, Throttle::ProofMail).await?;
        let note = NoteEmailChange {
            email: self.email.clone(),
        };
        host.runner().on_behalf(caller, &note).await?;
        Ok(ProofAccepted::ANSWER)
    }
}

/// Puts the wish for another address into the outbox, and the notice to the present one. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteEmailChange {
    email: EmailAddress,
}

impl Operation for NoteEmailChange {
    const NAME: &'static str = "auth.email.note_change";
    const SUMMARY: &'static str = "Notes that a user wishes for another address.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for NoteEmailChange {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let frame = std::sync::Arc::clone(tx.frame());
        let session = require_fresh(tx).await?;
        let credentials = tx.users().lock_credentials(session.user).await?;
        let user = tx.users().find(session.user).await?;
        let (Some(credentials), Some(user)) = (credentials, user) else {
            return Err(AuthError::TokenInvalid);
        };
        let wish = ProofWish {
            email: self.email.clone(),
            purpose: PURPOSE.as_str().to_owned(),
            change: Some((user.id, credentials)),
            at: frame.now(),
        };
        let notice = MailRequest::new(user.email, MailCategory::Security, "auth.email.change_requested")
            .with("new_email", self.email.masked())
            .with("at", frame.now().to_string());
        let entry = AuditEntry::on("user", user.id).with(json!({ "new": self.email.masked() }));
        Ok(Outcome::audited((), entry)
            .emit(notice.event(&frame, None)?)
            .emit(wish.event(&frame)?))
    }
}

/// Makes the new address the user's, with the token that was mailed there. All sessions end, and both addresses are told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// The token from the mail.
    pub token: SecretText,
}

impl Operation for ChangeEmail {
    const NAME: &'static str = "auth.email.change";
    const SUMMARY: &'static str = "Changes the address with the token that was mailed to the new one.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for ChangeEmail {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), AuthError> {
        throttle::source(host, caller, Throttle::ProofSource).await?;
        let hash = one_time_token::hash(PURPOSE, &self.token).ok_or(AuthError::VerificationInvalid)?;
        let runner = host.runner();
        let ended = runner.on_behalf(caller, &SetEmail { hash }).await?;
        host.auth().revocations.revoke(ended, runner.kit().clock.now());
        Ok(())
    }
}

/// Uses the token up and sets the address, in one unit of work. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetEmail {
    hash: [u8; 32],
}

impl Operation for SetEmail {
    const NAME: &'static str = "auth.email.set";
    const SUMMARY: &'static str = "Sets the address for which a token was used up.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// The sessions that ended.
    type Output = Vec<SessionId>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for SetEmail {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Vec<SessionId>>, AuthError> {
        let frame = std::sync::Arc::clone(tx.frame());
        let now = frame.now();
        let invalid = || AuthError::VerificationInvalid;
        let found = tx.one_time_tokens().find(&self.hash, PURPOSE, now).await?;
        tx.users()
            .lock_credentials(found.ok_or_else(invalid)?.user)
            .await?;
        let used = tx.one_time_tokens().consume(&self.hash, PURPOSE, now).await?;
        let token = used.ok_or_else(invalid)?;
        let user = tx.users().find(token.user).await?;
        let user = user
            .filter(|user| user.state == UserState::Active)
            .ok_or_else(invalid)?;
        let old = user.email.clone();
        let changed = User {
            email: token.email.clone(),
            email_verified_at: Some(now),
            ..user
        };
        match tx.users().update(&changed, changed.version).await {
            Ok(()) => {}
            Err(error) if error.violates(Constraint::USER_EMAIL) => return Err(invalid()),
            Err(error) => return Err(error.into()),
        }
        // What the old mailbox was to prove says nothing about the new one.
        tx.one_time_tokens().void(changed.id, &TokenPurpose::ALL).await?;
        let ended = credentials_changed(tx, changed.id, None).await?;
        let notice = |to: EmailAddress| {
            MailRequest::new(to, MailCategory::Security, "auth.email.changed")
                .with("new_email", token.email.masked())
                .with("at", now.to_string())
                .event(&frame, None)
        };
        let entry = AuditEntry::on("user", changed.id)
            .with(json!({ "old": old.masked(), "new": token.email.masked() }));
        let event = NewEvent::new(EMAIL_CHANGED, changed.id, json!({ "user": changed.id })).internal();
        Ok(Outcome::audited(ended.ended, entry)
            .emit(event)
            .emit(notice(old)?)
            .emit(notice(token.email.clone())?)
            .emit_all(ended.event))
    }
}
