//! What the edge does with the token of a request, without storage.

use wisdom_core::context::Principal;
use wisdom_core::time::Timestamp;

use crate::error::AuthError;
use crate::kit::AuthServices;
use crate::session::confirmation::ConfirmGeneration;

/// Finds out whom an access token speaks for: signature, claims and times, and that its session was not ended as far
/// as this node knows.
///
/// # Errors
/// [`AuthError::TokenInvalid`], whatever the reason.
pub fn authenticate(
    services: &AuthServices,
    token: impl AsRef<[u8]>,
    now: Timestamp,
) -> Result<Principal, AuthError> {
    let verified = services.tokens.verify(token, now)?;
    let principal = verified.principal();
    if let Some(own) = principal.session()
        && services.revocations.is_revoked(own.session, verified.issued_at())
    {
        return Err(AuthError::TokenInvalid);
    }
    Ok(principal.clone())
}

/// The use case to run because this node sees the principal's generation for the first time, if it does.
///
/// From then on the refresh token before it is worth nothing. Run it beside the request; when it fails, tell
/// [`Confirmations::forget`](crate::session::confirmation::Confirmations::forget).
///
/// For refresh tokens with a [window](crate::session::refresh::RefreshPolicy::window), which is longer than writing
/// takes; without one see [`unconfirmed`].
#[must_use]
pub fn confirm_sight(services: &AuthServices, principal: &Principal) -> Option<ConfirmGeneration> {
    let own = principal.session()?;
    let (session, generation) = (own.session, own.generation);
    services
        .confirmations
        .first_sight(session, generation)
        .then_some(ConfirmGeneration { session, generation })
}

/// The use case to run before the request goes on, because this node does not know yet that the principal's generation
/// was written down as seen, if so. When it succeeded, tell
/// [`Confirmations::first_sight`](crate::session::confirmation::Confirmations::first_sight).
///
/// Unlike with [`confirm_sight`], parallel requests with one token each wait: none is answered while the refresh token
/// before it still works.
#[must_use]
pub fn unconfirmed(services: &AuthServices, principal: &Principal) -> Option<ConfirmGeneration> {
    let own = principal.session()?;
    let (session, generation) = (own.session, own.generation);
    let known = services.confirmations.is_known(session, generation);
    (!known).then_some(ConfirmGeneration { session, generation })
}
