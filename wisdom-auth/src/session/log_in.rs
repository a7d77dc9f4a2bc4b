//! Signing in with a password.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::policy::Policy;
use wisdom_core::port::rate_limit::{RateKey, RateLimitExt as _, RatePolicy, RatePolicyError};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::secret::SecretText;
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::sign_in::{Proof, SignIn, SignInOutcome, SignedIn};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::store::IdentityTx;
use crate::user::{self, UserState};

/// How often a password is verified again because its hash changed under the sign-in.
const MAX_CHANGES: usize = 3;
const PER_IDENTIFIER: &str = "login";
const PER_SOURCE: &str = "login.source";

/// How often sign-in may be tried: for one address, whether anybody has it or not, and from one source.
///
/// Right passwords count as well, since what is counted after the fact can be overtaken by parallel tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogInPolicy {
    /// Tries for one address that come back within a window, and at once after a rest. Default 5.
    pub per_identifier: u32,
    /// Tries from one source (an IPv4 address, an IPv6 /64) likewise. Default 60.
    pub per_source: u32,
    /// The window in whole seconds. Default 900.
    pub window_seconds: u32,
}

impl Default for LogInPolicy {
    fn default() -> Self {
        Self {
            per_identifier: 5,
            per_source: 60,
            window_seconds: 900,
        }
    }
}

impl Policy for LogInPolicy {}

impl LogInPolicy {
    /// Whether the figures make rate policies: for start-up checks.
    ///
    /// # Errors
    /// The rule that a figure breaks.
    pub fn check(&self) -> Result<(), RatePolicyError> {
        self.rate(PER_IDENTIFIER, self.per_identifier)?;
        self.rate(PER_SOURCE, self.per_source).map(|_| ())
    }

    fn rate(&self, name: &str, quota: u32) -> Result<RatePolicy, RatePolicyError> {
        RatePolicy::new(
            name,
            quota,
            Duration::from_secs(u64::from(self.window_seconds)),
            quota,
        )
    }
}

/// Signs in with address and password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The address.
    pub email: EmailAddress,
    /// The password.
    pub password: SecretText,
    /// What the session is called in the list of sessions, such as the device; at most 200 characters are kept.
    #[serde(default)]
    pub device: Option<String>,
    /// The token of a remembered device, on which the second factor need not be proven again.
    #[serde(default)]
    pub remembered_device: Option<SecretText>,
}

impl Operation for LogIn {
    const NAME: &'static str = "auth.session.log_in";
    const SUMMARY: &'static str = "Signs in with e-mail address and password.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = SignedIn;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for LogIn {
    async fn run(&self, host: &H, caller: &Caller) -> Result<SignedIn, AuthError> {
        throttle(host, caller, &self.email).await?;
        let (runner, passwords) = (host.runner(), &host.auth().passwords);
        let mut user = None;
        for _ in 0..MAX_CHANGES {
            let known = runner
                .on_behalf(
                    caller,
                    &FindCredentials {
                        email: self.email.clone(),
                    },
                )
                .await?;
            user = known.user;
            let phc = known.hash.as_ref().map(|hash| hash.expose().to_owned());
            let verified = passwords.verify(self.password.clone(), phc).await?;
            let (Some(user), Some(hash), true, true) = (known.user, known.hash, known.active, verified.ok)
            else {
                break;
            };
            let wish = SignIn {
                user,
                proof: Proof::Password,
                label: self.device.clone().unwrap_or_default(),
                tenant: None,
                verified_hash: Some(hash.clone()),
                remembered_device: self.remembered_device.clone(),
            };
            let outcome = runner.on_behalf(caller, &wish).await?;
            if !matches!(outcome, SignInOutcome::Refused) {
                if verified.needs_rehash {
                    self.rehash(host, caller, user, hash).await;
                }
                return SignedIn::answer(host, outcome);
            }
        }
        runner.on_behalf(caller, &RefuseLogIn { user }).await?;
        Err(AuthError::CredentialsInvalid)
    }
}

impl LogIn {
    /// Brings the hash to today's cost. Sign-in has succeeded and does not depend on it.
    async fn rehash<H: AuthHost>(&self, host: &H, caller: &Caller, user: UserId, verified: SecretText) {
        let done = async {
            let replacement = SecretText::from(host.auth().passwords.hash(self.password.clone()).await?);
            host.runner()
                .on_behalf(
                    caller,
                    &RehashPassword {
                        user,
                        verified,
                        replacement,
                    },
                )
                .await
        };
        if let Err(error) = done.await {
            tracing::warn!(%user, %error, "a password hash could not be brought to today's cost");
        }
    }
}

/// Counts a try before anything is looked up, so that an unknown address is throttled like a known one.
async fn throttle<H: AuthHost>(host: &H, caller: &Caller, email: &EmailAddress) -> Result<(), AuthError> {
    let policy = host.runner().kit().policies.get::<LogInPolicy>();
    let broken =
        |_| AuthError::LimiterUnavailable(PortError::new("rate_limit", "policy", PortErrorKind::Internal));
    let too_long =
        |_| AuthError::LimiterUnavailable(PortError::new("rate_limit", "key", PortErrorKind::Invalid));
    // The source first: whoever is throttled there does not use up the tries of the address.
    if let Some(source) = caller.request().source {
        let rate = policy.rate(PER_SOURCE, policy.per_source).map_err(broken)?;
        take(host, PER_SOURCE, &rate, &RateKey::address(source)).await?;
    }
    let rate = policy
        .rate(PER_IDENTIFIER, policy.per_identifier)
        .map_err(broken)?;
    let key = RateKey::other(PER_IDENTIFIER, &[email.lookup_key().as_bytes()]).map_err(too_long)?;
    take(host, PER_IDENTIFIER, &rate, &key).await
}

async fn take<H: AuthHost>(
    host: &H,
    name: &'static str,
    policy: &RatePolicy,
    key: &RateKey,
) -> Result<(), AuthError> {
    let decision = host
        .auth()
        .rate_limit
        .take(policy, key, 1)
        .await
        .map_err(AuthError::LimiterUnavailable)?;
    if decision.allowed {
        Ok(())
    } else {
        metrics::counter!("wisdom_log_in_throttled_total", "policy" => name).increment(1);
        Err(AuthError::RateLimited {
            policy: name,
            retry_after: decision.retry_after,
        })
    }
}

/// Looks up what a sign-in is verified against. Internal; the same reads for an unknown address as for a known one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindCredentials {
    email: EmailAddress,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Credentials {
    user: Option<UserId>,
    active: bool,
    hash: Option<SecretText>,
}

impl Operation for FindCredentials {
    const NAME: &'static str = "auth.session.find_credentials";
    const SUMMARY: &'static str = "Looks up what a sign-in is verified against.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Credentials;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindCredentials {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Credentials>, AuthError> {
        let user = tx.users().find_by_email(&self.email).await?;
        // Nobody has the nil id; the read takes its time nevertheless.
        let id = user
            .as_ref()
            .map_or(UserId::from_uuid(Uuid::nil()), |user| user.id);
        let hash = tx.users().password_hash(id).await?;
        let credentials = Credentials {
            user: user.as_ref().map(|user| user.id),
            active: user.is_some_and(|user| user.state == UserState::Active),
            hash: hash.map(SecretText::from),
        };
        Ok(Outcome::unaudited(credentials, "reads only"))
    }
}

/// Puts a refused sign-in into the audit log, for unknown addresses as well. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefuseLogIn {
    user: Option<UserId>,
}

impl Operation for RefuseLogIn {
    const NAME: &'static str = "auth.session.log_in_refused";
    const SUMMARY: &'static str = "Notes a refused sign-in.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RefuseLogIn {
    async fn run(&self, _tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let who = self
            .user
            .map_or_else(|| "unknown".to_owned(), |user| user.to_string());
        Ok(Outcome::audited((), AuditEntry::on("user", who).refused()))
    }
}

/// Replaces a verified password's hash by one of today's cost. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RehashPassword {
    user: UserId,
    verified: SecretText,
    replacement: SecretText,
}

impl Operation for RehashPassword {
    const NAME: &'static str = "auth.password.rehash";
    const SUMMARY: &'static str = "Brings a password's hash to today's cost.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = bool;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RehashPassword {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<bool>, AuthError> {
        let changed = || Outcome::unaudited(false, "the password has changed meanwhile, nothing was done");
        let Some(known) = tx.users().find(self.user).await? else {
            return Ok(changed());
        };
        let stored = tx.users().password_hash(self.user).await?.map(SecretText::from);
        if !stored.is_some_and(|stored| stored.ct_eq(&self.verified)) {
            return Ok(changed());
        }
        match user::replace_password_hash(tx, &known, self.replacement.expose()).await {
            Ok(()) => {
                let entry = AuditEntry::on("user", self.user).with(serde_json::json!({ "what": "rehashed" }));
                Ok(Outcome::audited(true, entry))
            }
            Err(error) if error.kind() == StorageErrorKind::Stale => Ok(changed()),
            Err(error) => Err(error.into()),
        }
    }
}
