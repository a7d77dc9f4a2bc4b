//! Counting what strangers try, before anything is looked up. The limiter never opens.

use std::time::Duration;

use wisdom_core::context::Caller;
use wisdom_core::id::{ClientId, UserId};
use wisdom_core::port::rate_limit::{RateKey, RateLimitExt as _, RatePolicy};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::value::EmailAddress;

use crate::error::AuthError;
use crate::kit::AuthHost;

/// How often something may be tried: so many times at once after a rest, and as many again within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// The name of the counter.
    pub name: &'static str,
    /// Tries.
    pub quota: u32,
    /// The window.
    pub window: Duration,
}

impl Throttle {
    /// Codes that confirm a new authenticator of one user. Those that prove one are counted with all other failures of
    /// the account ([`attempts`](crate::attempts)).
    pub const SECOND_FACTOR: Self = Self::new("second_factor", 10, 900);
    /// Second factors from one source.
    pub const SECOND_FACTOR_SOURCE: Self = Self::new("second_factor.source", 60, 900);
    /// Sign-ins with passkeys begun or completed from one source. The configuration may say another number.
    pub const PASSKEY_SOURCE: Self = Self::new("passkey.source", 300, 900);
    /// Ceremonies with passkeys of one user: begun, or to make a new one.
    pub const PASSKEY_CEREMONY: Self = Self::new("passkey", 60, 900);
    /// Mails with a proof to one address, whether anybody has it or not. Beyond, none is sent and nobody is told.
    pub const PROOF_MAIL: Self = Self::new("proof_mail", 5, 3600);
    /// Wishes for mails with a proof from one source.
    pub const PROOF_MAIL_SOURCE: Self = Self::new("proof_mail.source", 60, 3600);
    /// Mailed proofs that are presented from one source.
    pub const PROOF_SOURCE: Self = Self::new("proof.source", 60, 900);
    /// Mailed codes that are typed in for one address.
    pub const PROOF_CODE: Self = Self::new("proof_code", 20, 3600);

    /// Access tokens issued to one service client.
    pub const CLIENT_TOKENS: Self = Self::new("client_tokens", 120, 60);

    const fn new(name: &'static str, quota: u32, seconds: u64) -> Self {
        Self {
            name,
            quota,
            window: Duration::from_secs(seconds),
        }
    }
}

/// Counts a call by its source. A call whose door knows no source (the process itself) is not counted.
///
/// # Errors
/// [`AuthError::RateLimited`] or [`AuthError::LimiterUnavailable`].
pub async fn source<H: AuthHost>(host: &H, caller: &Caller, throttle: Throttle) -> Result<(), AuthError> {
    match caller.request().source {
        Some(source) => require(host, throttle, &RateKey::address(source)).await,
        None => Ok(()),
    }
}

/// Counts a try at a user.
///
/// # Errors
/// As [`source`].
pub async fn user<H: AuthHost>(host: &H, user: UserId, throttle: Throttle) -> Result<(), AuthError> {
    require(host, throttle, &RateKey::principal(user.as_uuid())).await
}

/// Counts a token issued to a service client.
///
/// # Errors
/// As [`source`].
pub async fn client<H: AuthHost>(host: &H, client: ClientId, throttle: Throttle) -> Result<(), AuthError> {
    require(host, throttle, &RateKey::principal(client.as_uuid())).await
}

/// Counts a try at an address, whether anybody has it or not.
///
/// # Errors
/// As [`source`].
pub async fn address<H: AuthHost>(
    host: &H,
    address: &EmailAddress,
    throttle: Throttle,
) -> Result<(), AuthError> {
    require(host, throttle, &key_of(address, "", throttle)?).await
}

/// As [`address`], for those who must not be told: answers whether it may go on. What is wished for counts for itself.
///
/// # Errors
/// [`AuthError::LimiterUnavailable`].
pub async fn address_silently<H: AuthHost>(
    host: &H,
    address: &EmailAddress,
    wish: &str,
    throttle: Throttle,
) -> Result<bool, AuthError> {
    match require(host, throttle, &key_of(address, wish, throttle)?).await {
        Ok(()) => Ok(true),
        Err(AuthError::RateLimited { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn key_of(address: &EmailAddress, wish: &str, throttle: Throttle) -> Result<RateKey, AuthError> {
    RateKey::other(throttle.name, &[wish.as_bytes(), address.lookup_key().as_bytes()]).map_err(|_| {
        AuthError::LimiterUnavailable(PortError::new("rate_limit", "key", PortErrorKind::Invalid))
    })
}

async fn require<H: AuthHost>(host: &H, throttle: Throttle, key: &RateKey) -> Result<(), AuthError> {
    let policy =
        RatePolicy::new(throttle.name, throttle.quota, throttle.window, throttle.quota).map_err(|_| {
            AuthError::LimiterUnavailable(PortError::new("rate_limit", "policy", PortErrorKind::Internal))
        })?;
    let decision = host
        .auth()
        .rate_limit
        .take(&policy, key, 1)
        .await
        .map_err(AuthError::LimiterUnavailable)?;
    if decision.allowed {
        return Ok(());
    }
    metrics::counter!("wisdom_throttled_total", "policy" => throttle.name).increment(1);
    Err(AuthError::RateLimited {
        policy: throttle.name,
        retry_after: decision.retry_after,
    })
}
