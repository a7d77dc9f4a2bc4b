//! Whether a caller proved lately enough who they are to change what protects their account.

use std::time::Duration;

use wisdom_core::access::AccessError;
use wisdom_core::time::Timestamp;

use super::Session;
use crate::error::AuthError;
use crate::second_factor::SecondFactorPolicy;
use crate::store::IdentityTx;

/// Whether a session is fresh: its user proved who they are at most `most` ago, by the second factor if they have one.
///
/// A remembered device stands in for the second factor at sign-in, not here: its proof is as old as it is.
#[must_use]
pub fn is_fresh(session: &Session, has_second_factor: bool, now: Timestamp, most: Duration) -> bool {
    let proven_at = if has_second_factor {
        session.second_factor_at
    } else {
        Some(session.authenticated_at)
    };
    proven_at.is_some_and(|at| now.since(at) <= most)
}

/// The caller's session, if it is live and fresh. Reads the session and not the token, so that a step-up counts at once
/// and a session that ended does not.
///
/// # Errors
/// [`AuthError::StepUpRequired`] when the proof is too old; [`AuthError::SessionEnded`] or [`AuthError::Access`] when
/// there is no session to speak of.
pub async fn require_fresh<Tx: IdentityTx + ?Sized>(tx: &mut Tx) -> Result<Session, AuthError> {
    let frame = std::sync::Arc::clone(tx.frame());
    let own = frame.session().ok_or(AccessError::InPerson)?;
    let session = tx.sessions().find(own.session).await?;
    let session = session
        .filter(|session| session.user == own.user)
        .ok_or(AuthError::TokenInvalid)?;
    if let Some(end) = session.end(frame.now()) {
        return Err(AuthError::SessionEnded(end));
    }
    let totp = tx.second_factors().totp(session.user).await?;
    let has_second_factor = totp.is_some_and(|totp| totp.confirmed_at.is_some());
    let policy = frame.kit().policies.get::<SecondFactorPolicy>();
    if is_fresh(&session, has_second_factor, frame.now(), policy.freshness()) {
        Ok(session)
    } else {
        Err(AuthError::StepUpRequired)
    }
}
