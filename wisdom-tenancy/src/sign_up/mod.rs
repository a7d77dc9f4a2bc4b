//! Sign-up: a person, their tenant and its ownership, in one commit, and one answer whether or not the person was known.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use wisdom_auth::error::AuthError;
use wisdom_auth::password::{PasswordPolicy, PersonalWords};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::port::rate_limit::{RateKey, RateLimitExt as _, RatePolicy};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation};
use wisdom_core::value::{DisplayName, EmailAddress, Slug};

use crate::error::TenancyError;
use crate::kit::{SignUpPolicy, TenancyHost};

mod onboard;

use onboard::Onboard;

/// The name of the policy that counts sign-ups by source.
const BY_SOURCE: &str = "sign_up";
/// The name of the policy that counts mails to known addresses.
const BY_ADDRESS: &str = "sign_up_address";

/// Signs a person up with a tenant of their own.
///
/// The answer is the same, and takes as long, whether or not the address has an account: what differs is the mail. A
/// known address gets "you already have an account", and nothing is changed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// The person's address.
    pub email: EmailAddress,
    /// The new account's password.
    pub password: SecretText,
    /// The person's name.
    pub display_name: DisplayName,
    /// The tenant's name.
    pub tenant_name: DisplayName,
    /// The tenant's slug. Without it one is made from the name. A taken one is refused (409), for known and unknown
    /// addresses alike.
    #[serde(default)]
    pub tenant_slug: Option<Slug>,
}

/// The one answer to sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignUpAccepted {
    /// Always `accepted`: what follows is in the mail.
    pub status: SignUpStatus,
}

/// See [`SignUpAccepted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignUpStatus {
    /// A mail is on its way.
    Accepted,
}

impl Operation for SignUp {
    const NAME: &'static str = "auth.sign_up";
    const SUMMARY: &'static str = "Sign up with a tenant of your own; the mail tells how to go on.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = SignUpAccepted;
    type Error = TenancyError;
}

impl<H: TenancyHost + ?Sized> Flow<H> for SignUp {
    async fn run(&self, host: &H, caller: &Caller) -> Result<SignUpAccepted, TenancyError> {
        throttle_source(host, caller).await?;
        let may_tell_known = known_address_may_be_told(host, &self.email).await?;
        let chosen = Chosen {
            password: &self.password,
            email: &self.email,
            display_name: &self.display_name,
        };
        // For known addresses too: leaving it out would tell them by the time it takes.
        let phc = hash_chosen(host, chosen).await?;
        let onboard = Onboard {
            email: self.email.clone(),
            phc,
            display_name: self.display_name.clone(),
            tenant_name: self.tenant_name.clone(),
            tenant_slug: self.tenant_slug.clone(),
            may_tell_known,
        };
        let began = Instant::now();
        let onboarded = host.runner().on_behalf(caller, &onboard).await;
        next_tick(began).await;
        onboarded?;
        Ok(SignUpAccepted {
            status: SignUpStatus::Accepted,
        })
    }
}

/// Answers leave at multiples of this after the unit of work began: making an account takes about a millisecond longer than
/// telling of one, and a tick has room for both.
const TICK: Duration = Duration::from_millis(25);

async fn next_tick(began: Instant) {
    let passed = began.elapsed().as_nanos() / TICK.as_nanos();
    let ticks = u32::try_from(passed).unwrap_or(u32::MAX).saturating_add(1);
    sleep_until(began + TICK.saturating_mul(ticks)).await;
}

/// A password somebody chooses, and who.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen<'a> {
    pub(crate) password: &'a SecretText,
    pub(crate) email: &'a EmailAddress,
    pub(crate) display_name: &'a DisplayName,
}

/// Checks a new password by the policy and hashes it off the async threads.
pub(crate) async fn hash_chosen<H: TenancyHost + ?Sized>(
    host: &H,
    chosen: Chosen<'_>,
) -> Result<SecretText, TenancyError> {
    let policy = host.runner().kit().policies.get::<PasswordPolicy>();
    let person = PersonalWords {
        email: chosen.email,
        display_name: Some(chosen.display_name),
    };
    policy.check(chosen.password, person).map_err(AuthError::from)?;
    let phc = host
        .auth()
        .passwords
        .hash(chosen.password.clone())
        .await
        .map_err(AuthError::from)?;
    Ok(SecretText::from(phc))
}

/// Counts a stranger's attempt by its source. A call whose door knows no source (the process itself) is not counted.
pub(crate) async fn throttle_source<H: TenancyHost + ?Sized>(
    host: &H,
    caller: &Caller,
) -> Result<(), TenancyError> {
    let Some(source) = caller.request().source else {
        return Ok(());
    };
    let figures = host.runner().kit().policies.get::<SignUpPolicy>();
    match take(
        host,
        BY_SOURCE,
        figures.per_source,
        figures.window,
        &RateKey::address(source),
    )
    .await?
    {
        Taken::Yes => Ok(()),
        Taken::No { retry_after } => Err(AuthError::RateLimited {
            policy: BY_SOURCE,
            retry_after,
        }
        .into()),
    }
}

/// Whether a known address may be mailed once more. Counted for unknown ones alike, and never part of the answer.
async fn known_address_may_be_told<H: TenancyHost + ?Sized>(
    host: &H,
    email: &EmailAddress,
) -> Result<bool, TenancyError> {
    let figures = host.runner().kit().policies.get::<SignUpPolicy>();
    // An address has 254 bytes at most, which always makes a key.
    let Ok(key) = RateKey::other(BY_ADDRESS, &[email.lookup_key().as_bytes()]) else {
        return Ok(false);
    };
    let taken = take(host, BY_ADDRESS, figures.per_address, figures.window, &key).await?;
    Ok(matches!(taken, Taken::Yes))
}

enum Taken {
    Yes,
    No { retry_after: Option<Duration> },
}

async fn take<H: TenancyHost + ?Sized>(
    host: &H,
    name: &'static str,
    quota: u32,
    window: Duration,
    key: &RateKey,
) -> Result<Taken, TenancyError> {
    let policy = RatePolicy::new(name, quota, window, quota)?;
    // A limiter that is away closes the door: an open one would be the way around it.
    let decision = host
        .auth()
        .rate_limit
        .take(&policy, key, 1)
        .await
        .map_err(AuthError::LimiterUnavailable)?;
    if decision.allowed {
        Ok(Taken::Yes)
    } else {
        Ok(Taken::No {
            retry_after: decision.retry_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_a_little_longer_is_answered_at_the_same_time() {
        for (work, answered) in [(0, 25), (3, 25), (24, 25), (26, 50), (51, 75)] {
            let began = Instant::now();
            advance(Duration::from_millis(work)).await;
            next_tick(began).await;
            assert_eq!(began.elapsed(), Duration::from_millis(answered), "{work}");
        }
    }
}
