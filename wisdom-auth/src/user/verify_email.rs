//! Proving a mailbox.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::AuthError;
use crate::one_time_token::{self, TokenPurpose};
use crate::store::IdentityTx;

/// The kind of the event that a user's address was proven.
pub const EMAIL_VERIFIED: &str = "auth.user.email_verified";

const MAX_RACES: usize = 8;

/// Uses up the token that was mailed to an address, which proves it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyEmail {
    /// The token from the mail.
    pub token: SecretText,
}

impl Operation for VerifyEmail {
    const NAME: &'static str = "auth.email.verify";
    const SUMMARY: &'static str = "Proves an e-mail address by the token that was mailed to it.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for VerifyEmail {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let now = tx.frame().now();
        let purpose = TokenPurpose::VerifyEmail;
        let hash = one_time_token::hash(purpose, &self.token).ok_or(AuthError::VerificationInvalid)?;
        let used = tx.one_time_tokens().consume(&hash, purpose, now).await?;
        let token = used.ok_or(AuthError::VerificationInvalid)?;
        for _ in 0..MAX_RACES {
            // A token proves the mailbox it was sent to, which is not the user's any more once they changed it.
            let found = tx
                .users()
                .find(token.user)
                .await?
                .filter(|user| user.email == token.email);
            let mut user = found.ok_or(AuthError::VerificationInvalid)?;
            if user.email_verified_at.is_some() {
                return Ok(Outcome::audited((), AuditEntry::on("user", user.id)));
            }
            user.email_verified_at = Some(now);
            match tx.users().update(&user, user.version).await {
                Ok(()) => {
                    let event = NewEvent::new(EMAIL_VERIFIED, user.id, json!({ "user": user.id })).internal();
                    return Ok(Outcome::audited((), AuditEntry::on("user", user.id)).emit(event));
                }
                Err(error) if error.kind() == StorageErrorKind::Stale => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::new(StorageErrorKind::Contention, "users.verify_email").into())
    }
}
