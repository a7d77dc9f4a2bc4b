//! Defence against guessing: failures are counted for each account over all doors, and for each source.
//!
//! A door (log-in, a code, a step-up) asks [`may_try`] before it verifies anything, and afterwards tells
//! [`record_failure`] or [`record_success`], each inside its own unit of work. What is counted lies in storage, so that
//! it holds for all processes and outlives them; when storage is away, the door is closed.
//!
//! - An account is counted by its user, an address that nobody has by the address: both slow down alike, and `Retry-After`
//!   follows from what was submitted.
//! - A try that verified while others used up what was left is refused like the rest, right or wrong, so that tries at
//!   the same moment are no way around the limit: ask [`may_try`] again before a right credential counts.
//! - A **known device** (see [`device`]), and a session that is signed in, have tries of their own that nobody else can use up.

mod counter;
pub mod device;
mod key;
pub mod sweep;

use std::time::Duration;

use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::value::EmailAddress;

pub use counter::{AttemptPolicy, Counter, Limit};
pub use key::{AttemptKey, KeyKind};

use crate::error::AuthError;
use crate::store::IdentityTx;

/// A try at somebody's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    account: AttemptKey,
    account_limit: Limit,
    source: Option<AttemptKey>,
}

impl Attempt {
    /// At a user's.
    #[must_use]
    pub fn at_user(user: UserId) -> Self {
        Self {
            account: AttemptKey::user(user),
            account_limit: Limit::Account,
            source: None,
        }
    }

    /// At those behind an address, which need not be anybody's.
    #[must_use]
    pub fn at_address(address: &EmailAddress, user: Option<UserId>) -> Self {
        let account = user.map_or_else(|| AttemptKey::unknown(address), AttemptKey::user);
        Self {
            account,
            account_limit: Limit::Account,
            source: None,
        }
    }

    /// The same, from a source. A door that knows none (the process itself) leaves it out.
    #[must_use]
    pub fn from_source(mut self, source: Option<std::net::IpAddr>) -> Self {
        self.source = source.map(AttemptKey::source);
        self
    }

    /// The same, by a device that this user signed in on before, or in a session of theirs: no stranger's failures stand
    /// in its way.
    #[must_use]
    pub fn by_known_device(mut self, user: UserId) -> Self {
        self.account = AttemptKey::devices(user);
        self.account_limit = Limit::KnownDevices;
        self.source = None;
        self
    }

    /// In the order in which counters are locked.
    fn counted(&self) -> impl Iterator<Item = (&AttemptKey, Limit)> {
        self.source
            .iter()
            .map(|source| (source, Limit::Source))
            .chain([(&self.account, self.account_limit)])
    }
}

/// Whether something may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may.
    Open,
    /// Not before this time has passed.
    Closed {
        /// The time in microseconds.
        wait_micros: u64,
        /// Whether it is the source that has to wait.
        of_source: bool,
    },
}

impl Standing {
    fn closed(limit: Limit, wait: Duration) -> Self {
        Self::Closed {
            wait_micros: u64::try_from(wait.as_micros()).unwrap_or(u64::MAX),
            of_source: limit == Limit::Source,
        }
    }

    /// The refusal, if it is one: `429` with `Retry-After`.
    ///
    /// # Errors
    /// [`AuthError::RateLimited`].
    pub fn require_open(self) -> Result<(), AuthError> {
        match self {
            Self::Open => Ok(()),
            Self::Closed {
                wait_micros,
                of_source,
            } => {
                let policy = if of_source { "attempts.source" } else { "attempts" };
                metrics::counter!("wisdom_log_in_throttled_total", "policy" => policy).increment(1);
                Err(AuthError::RateLimited {
                    policy,
                    retry_after: Some(Duration::from_micros(wait_micros)),
                })
            }
        }
    }
}

/// Whether the credentials may be tried now. Only reads: the same reads whoever it is.
///
/// # Errors
/// When storage fails.
pub async fn may_try(
    tx: &mut (impl IdentityTx + ?Sized),
    attempt: &Attempt,
) -> Result<Standing, StorageError> {
    let (policy, now) = figures(tx);
    let mut standing = Standing::Open;
    for (key, limit) in attempt.counted() {
        let counter = tx.attempts().find(key).await?;
        let wait = counter.and_then(|counter| counter.wait(limit, &policy, now));
        if let (Standing::Open, Some(wait)) = (standing, wait) {
            standing = Standing::closed(limit, wait);
        }
    }
    Ok(standing)
}

/// Counts a failure, unless the door has closed meanwhile: then the answer is that, and nothing is counted.
///
/// # Errors
/// When storage fails.
pub async fn record_failure(
    tx: &mut (impl IdentityTx + ?Sized),
    attempt: &Attempt,
) -> Result<Standing, StorageError> {
    let (policy, now) = figures(tx);
    let mut counted = Vec::with_capacity(2);
    for (key, limit) in attempt.counted() {
        let counter = tx.attempts().lock(key, now).await?;
        if let Some(wait) = counter.wait(limit, &policy, now) {
            return Ok(Standing::closed(limit, wait));
        }
        counted.push((key, counter.failed(limit, &policy, now)));
    }
    for (key, counter) in counted {
        tx.attempts().save(key, counter).await?;
    }
    Ok(Standing::Open)
}

/// Forgets the failures of an account, for everybody and for its devices, because its user has proven who they are.
/// Call it once they have done so wholly: a password alone does not where a second factor is asked for.
///
/// # Errors
/// When storage fails.
pub async fn record_success(tx: &mut (impl IdentityTx + ?Sized), user: UserId) -> Result<(), StorageError> {
    for key in [AttemptKey::user(user), AttemptKey::devices(user)] {
        tx.attempts().clear(&key).await?;
    }
    Ok(())
}

fn figures(tx: &(impl IdentityTx + ?Sized)) -> (AttemptPolicy, wisdom_core::time::Timestamp) {
    let frame = tx.frame();
    (*frame.kit().policies.get::<AttemptPolicy>(), frame.now())
}
