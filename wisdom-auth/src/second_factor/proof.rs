//! Using a second factor up.

use wisdom_core::event::NewEvent;
use wisdom_core::id::UserId;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Frame;

use super::SecondFactorMethod;
use super::recovery;
use super::set_up::SetUp;
use super::totp::TotpSecret;
use crate::error::AuthError;
use crate::store::IdentityTx;
use crate::user::User;

/// Uses up a code of the authenticator, or a recovery code: each works once, whatever runs at the same moment. `None`
/// when it is neither.
///
/// The caller has locked the user's credentials.
///
/// # Errors
/// When storage fails, or the stored secret does not open.
pub async fn consume<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    user: UserId,
    code: &SecretText,
) -> Result<Option<SecondFactorMethod>, AuthError> {
    let frame = std::sync::Arc::clone(tx.frame());
    if !SetUp::of(tx, user).await?.any() {
        return Ok(None);
    }
    let text = code.expose().trim();
    if let Some(hash) = recovery::hash(user, text) {
        let used = tx.second_factors().use_recovery_code(user, &hash).await?;
        return Ok(used.then_some(SecondFactorMethod::RecoveryCode));
    }
    let totp = tx.second_factors().totp(user).await?;
    let Some(totp) = totp.filter(|totp| totp.confirmed_at.is_some()) else {
        return Ok(None);
    };
    let secret = TotpSecret::open(user, &totp.sealed_secret, &*frame.kit().sealer)?;
    let Some(step) = secret.matching_step(text, frame.now(), totp.last_step) else {
        return Ok(None);
    };
    let used = tx.second_factors().use_totp_step(user, step).await?;
    Ok(used.then_some(SecondFactorMethod::Totp))
}

/// The notice that a recovery code was used.
pub(crate) fn recovery_code_used(frame: &Frame, user: &User, left: i64) -> Result<NewEvent, AuthError> {
    let mail = MailRequest::new(
        user.email.clone(),
        MailCategory::Security,
        "auth.second_factor.recovery_code_used",
    )
    .with("at", frame.now().to_string())
    .with("left", left.to_string());
    Ok(mail.event(frame, None)?)
}
