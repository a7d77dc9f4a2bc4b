//! Counting what strangers try, before anything is looked up. The limiter never opens.

use std::time::Duration;

use wisdom_core::context::Caller;
use wisdom_core::id::{ClientId, UserId};
use wisdom_core::policy::Policy;
use wisdom_core::port::rate_limit::{RateKey, RateLimitExt as _, RatePolicy};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::value::EmailAddress;

use crate::error::AuthError;
use crate::kit::AuthHost;

/// How often things may be tried that are not counted as failures of an account ([`attempts`](crate::attempts)): so many
/// times at once after a rest, and as many again within the window. A source is an IPv4 address or an IPv6 /64.
///
/// Each must be at least 1; with 0 the door stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottlePolicy {
    /// Codes that confirm a new authenticator, and completed ceremonies with passkeys, of one user in 15 minutes. Default
    /// 10.
    pub second_factors_per_user: u32,
    /// Second factors from one source in 15 minutes. Default 60.
    pub second_factors_per_source: u32,
    /// Ceremonies with passkeys of one user in 15 minutes: begun, or to make a new one. Default 60.
    pub passkey_ceremonies_per_user: u32,
    /// Sign-ins with passkeys begun or completed from one source in 15 minutes. Default 300.
    pub passkeys_per_source: u32,
    /// Sign-ins with providers begun or completed from one source in 15 minutes. Default 60.
    pub providers_per_source: u32,
    /// Mails with one kind of proof to one address in an hour, whether anybody has it or not. Beyond, none is sent and
    /// nobody is told. Default 5.
    pub proof_mails_per_address: u32,
    /// Wishes for mails with a proof from one source in an hour. Default 60.
    pub proof_mails_per_source: u32,
    /// Mailed proofs presented from one source in 15 minutes. Default 60.
    pub proofs_per_source: u32,
    /// Mailed codes typed in for one address in an hour. Default 20.
    pub codes_per_address: u32,
    /// Access tokens issued to one service client in a minute. Default 120.
    pub tokens_per_client: u32,
}

impl Default for ThrottlePolicy {
    fn default() -> Self {
        Self {
            second_factors_per_user: 10,
            second_factors_per_source: 60,
            passkey_ceremonies_per_user: 60,
            passkeys_per_source: 300,
            providers_per_source: 60,
            proof_mails_per_address: 5,
            proof_mails_per_source: 60,
            proofs_per_source: 60,
            codes_per_address: 20,
            tokens_per_client: 120,
        }
    }
}

impl Policy for ThrottlePolicy {}

/// What is counted. The figures are [`ThrottlePolicy`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// Codes that confirm a new authenticator, and completed ceremonies with passkeys, of one user.
    SecondFactor,
    /// Second factors from one source.
    SecondFactorSource,
    /// Ceremonies with passkeys of one user: begun, or to make a new one.
    PasskeyCeremony,
    /// Sign-ins with passkeys begun or completed from one source.
    PasskeySource,
    /// Sign-ins with providers begun or completed from one source.
    ProviderSource,
    /// Mails with a proof to one address.
    ProofMail,
    /// Wishes for mails with a proof from one source.
    ProofMailSource,
    /// Mailed proofs presented from one source.
    ProofSource,
    /// Mailed codes typed in for one address.
    ProofCode,
    /// Access tokens issued to one service client.
    ClientToken,
}

impl Throttle {
    /// The name of the counter, as refusals tell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecondFactor => "second_factor",
            Self::SecondFactorSource => "second_factor.source",
            Self::PasskeyCeremony => "passkey",
            Self::PasskeySource => "passkey.source",
            Self::ProviderSource => "provider.source",
            Self::ProofMail => "proof_mail",
            Self::ProofMailSource => "proof_mail.source",
            Self::ProofSource => "proof.source",
            Self::ProofCode => "proof_code",
            Self::ClientToken => "client_tokens",
        }
    }

    const fn window(self) -> Duration {
        Duration::from_secs(match self {
            Self::ProofMail | Self::ProofMailSource | Self::ProofCode => 3600,
            Self::ClientToken => 60,
            _ => 900,
        })
    }

    const fn quota(self, policy: &ThrottlePolicy) -> u32 {
        match self {
            Self::SecondFactor => policy.second_factors_per_user,
            Self::SecondFactorSource => policy.second_factors_per_source,
            Self::PasskeyCeremony => policy.passkey_ceremonies_per_user,
            Self::PasskeySource => policy.passkeys_per_source,
            Self::ProviderSource => policy.providers_per_source,
            Self::ProofMail => policy.proof_mails_per_address,
            Self::ProofMailSource => policy.proof_mails_per_source,
            Self::ProofSource => policy.proofs_per_source,
            Self::ProofCode => policy.codes_per_address,
            Self::ClientToken => policy.tokens_per_client,
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
    RateKey::other(
        throttle.name(),
        &[wish.as_bytes(), address.lookup_key().as_bytes()],
    )
    .map_err(|_| AuthError::LimiterUnavailable(PortError::new("rate_limit", "key", PortErrorKind::Invalid)))
}

async fn require<H: AuthHost>(host: &H, throttle: Throttle, key: &RateKey) -> Result<(), AuthError> {
    let quota = throttle.quota(&host.runner().kit().policies.get::<ThrottlePolicy>());
    let policy = RatePolicy::new(throttle.name(), quota, throttle.window(), quota).map_err(|_| {
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
    metrics::counter!("wisdom_throttled_total", "policy" => throttle.name()).increment(1);
    Err(AuthError::RateLimited {
        policy: throttle.name(),
        retry_after: decision.retry_after,
    })
}
