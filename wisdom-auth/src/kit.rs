//! What hosts identity's flows: the runner, and the services that work off the transaction.

use std::sync::Arc;

use wisdom_core::catalogue::Host;
use wisdom_core::port::rate_limit::RateLimit;
use wisdom_core::unit_of_work::Store;

use crate::federation::Federation;
use crate::passkey::PasskeyService;
use crate::password::Passwords;
use crate::session::confirmation::Confirmations;
use crate::session::revocation::Revocations;
use crate::store::IdentityTx;
use crate::token::AccessTokens;

/// The services identity's flows need beside a store.
#[derive(Debug)]
pub struct AuthServices {
    /// Hashing and verifying passwords, off the async threads, within bounds.
    pub passwords: Passwords,
    /// Issuing and verifying access tokens.
    pub tokens: AccessTokens,
    /// Sessions that ended while their access tokens still live.
    pub revocations: Revocations,
    /// Which generations of refresh tokens this node has seen in use.
    pub confirmations: Confirmations,
    /// The providers one can sign in with.
    pub federation: Federation,
    /// The relying party of passkeys.
    pub passkeys: PasskeyService,
    /// Throttling of sign-in.
    pub rate_limit: Arc<dyn RateLimit>,
}

/// An assembly that identity's flows can run on.
pub trait AuthHost: Host<Store: Store<SystemTx: IdentityTx>> {
    /// The services.
    fn auth(&self) -> &AuthServices;
}
