//! Choosing a new password with a mailed proof.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::event::NewEvent;
use wisdom_core::id::SessionId;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::one_time_token::{self, OneTimeToken, TokenPurpose};
use crate::password::PasswordPolicy;
use crate::password::change::choose;
use crate::session::credentials::credentials_changed;
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};
use crate::user::{User, UserState, replace_password_hash, verify_email::EMAIL_VERIFIED};

const PURPOSE: TokenPurpose = TokenPurpose::ResetPassword;

/// Chooses a new password with the token from the mail. Signs nobody in: all sessions end, and the next sign-in asks for
/// the second factor as ever.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// The token from the mail.
    pub token: SecretText,
    /// The new password.
    pub password: SecretText,
}

impl Operation for ResetPassword {
    const NAME: &'static str = "auth.password.reset";
    const SUMMARY: &'static str = "Chooses a new password with the token that was mailed.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for ResetPassword {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), AuthError> {
        throttle::source(host, caller, Throttle::ProofSource).await?;
        let hash = one_time_token::hash(PURPOSE, &self.token).ok_or(AuthError::VerificationInvalid)?;
        let runner = host.runner();
        // Looked at before a password is hashed, so that a made-up token costs nothing; used up after.
        let person = runner.on_behalf(caller, &FindReset { hash }).await?;
        let person = person.ok_or(AuthError::VerificationInvalid)?;
        let phc = choose(host, &self.password, &person.user, &person.used).await?;
        let ended = runner.on_behalf(caller, &SetPassword { hash, phc }).await?;
        host.auth().revocations.revoke(ended, runner.kit().clock.now());
        Ok(())
    }
}

/// Whose password a token changes. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindReset {
    hash: [u8; 32],
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Person {
    user: User,
    /// The hashes of passwords that must not come back; none unless a history is kept.
    used: Vec<SecretText>,
}

impl Operation for FindReset {
    const NAME: &'static str = "auth.password.find_reset";
    const SUMMARY: &'static str = "Whose password a token changes.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Option<Person>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindReset {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Option<Person>>, AuthError> {
        let now = tx.frame().now();
        let token = tx.one_time_tokens().find(&self.hash, PURPOSE, now).await?;
        let person = match &token {
            Some(token) => holder(tx, token).await?,
            None => None,
        };
        let person = match person {
            Some(user) => Some(Person {
                used: used(tx, &user).await?,
                user,
            }),
            None => None,
        };
        Ok(Outcome::unaudited(person, "reads only"))
    }
}

/// Uses the token up and sets the password, in one unit of work. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPassword {
    hash: [u8; 32],
    phc: SecretText,
}

impl Operation for SetPassword {
    const NAME: &'static str = "auth.password.set";
    const SUMMARY: &'static str = "Sets the password for which a token was used up.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// The sessions that ended.
    type Output = Vec<SessionId>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for SetPassword {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Vec<SessionId>>, AuthError> {
        let frame = std::sync::Arc::clone(tx.frame());
        let now = frame.now();
        let found = tx.one_time_tokens().find(&self.hash, PURPOSE, now).await?;
        let found = found.ok_or(AuthError::VerificationInvalid)?;
        tx.users().lock_credentials(found.user).await?;
        let used = tx.one_time_tokens().consume(&self.hash, PURPOSE, now).await?;
        let token = used.ok_or(AuthError::VerificationInvalid)?;
        let user = holder(tx, &token).await?.ok_or(AuthError::VerificationInvalid)?;
        let newly_verified = user.email_verified_at.is_none();
        // The token came through the mailbox, so it proves the address as well.
        let user = User {
            email_verified_at: user.email_verified_at.or(Some(now)),
            ..user
        };
        let history = frame.kit().policies.get::<PasswordPolicy>().history();
        let replaced = tx.users().password_hash(user.id).await?;
        replace_password_hash(tx, &user, self.phc.expose()).await?;
        if let Some(replaced) = replaced {
            tx.users()
                .add_old_password_hash(user.id, &replaced, history)
                .await?;
        }
        let changed = credentials_changed(tx, user.id, None).await?;
        let mail = MailRequest::new(
            user.email.clone(),
            MailCategory::Security,
            "auth.password.was_reset",
        )
        .with("at", now.to_string());
        let entry = AuditEntry::on("user", user.id).with(json!({ "sessions_ended": changed.ended.len() }));
        let verified = newly_verified
            .then(|| NewEvent::new(EMAIL_VERIFIED, user.id, json!({ "user": user.id })).internal());
        Ok(Outcome::audited(changed.ended, entry)
            .emit(mail.event(&frame, None)?)
            .emit_all(verified)
            .emit_all(changed.event))
    }
}

/// The present and the earlier hashes that a history keeps from coming back.
async fn used<Tx: IdentityTx + ?Sized>(tx: &mut Tx, user: &User) -> Result<Vec<SecretText>, AuthError> {
    let history = tx.frame().kit().policies.get::<PasswordPolicy>().history();
    if history == 0 {
        return Ok(Vec::new());
    }
    let present = tx.users().password_hash(user.id).await?;
    let earlier = tx.users().old_password_hashes(user.id, history).await?;
    Ok(present.into_iter().chain(earlier).map(SecretText::from).collect())
}

/// The active user whose mailbox the token went to, which is not theirs any more once they changed it.
pub(super) async fn holder<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    token: &OneTimeToken,
) -> Result<Option<User>, AuthError> {
    let user = tx.users().find(token.user).await?;
    Ok(user.filter(|user| user.state == UserState::Active && user.email == token.email))
}
