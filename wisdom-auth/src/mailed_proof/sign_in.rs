//! Signing in with a mailed proof. The second factor is asked for as after any other first one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::ProofPolicy;
use super::reset_password::holder;
use crate::attempts::{self, Attempt, Standing};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::one_time_token::{self, TokenPurpose, hash_code};
use crate::second_factor::device;
use crate::session::sign_in::{Proof, SignIn, SignInOutcome, SignedIn, sign_in};
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};

/// Signs in with the token of a mailed link.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInWithLink {
    /// The token from the mail.
    pub token: SecretText,
    /// What the client calls itself, and the session is called in the list of sessions; at most 200 characters are kept.
    /// Over HTTP it is the header `User-Agent` unless given.
    #[serde(default)]
    pub device: Option<String>,
    /// The token of a remembered device, on which the second factor need not be proven again.
    #[serde(default)]
    pub remembered_device: Option<SecretText>,
}

impl Operation for LogInWithLink {
    const NAME: &'static str = "auth.session.log_in_with_link";
    const SUMMARY: &'static str = "Signs in with the token of a mailed link.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = SignedIn;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for LogInWithLink {
    async fn run(&self, host: &H, caller: &Caller) -> Result<SignedIn, AuthError> {
        throttle::source(host, caller, Throttle::ProofSource).await?;
        let hash = one_time_token::hash(TokenPurpose::MagicLink, &self.token)
            .ok_or(AuthError::VerificationInvalid)?;
        let use_up = UseLink {
            hash,
            device: self.device.clone(),
            remembered_device: self.remembered_device.clone(),
        };
        match host.runner().on_behalf(caller, &use_up).await? {
            SignInOutcome::Refused => Err(AuthError::VerificationInvalid),
            outcome => SignedIn::answer(host, outcome),
        }
    }
}

/// Uses the token up and ends the sign-in, in one unit of work. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UseLink {
    hash: [u8; 32],
    device: Option<String>,
    remembered_device: Option<SecretText>,
}

impl Operation for UseLink {
    const NAME: &'static str = "auth.session.use_link";
    const SUMMARY: &'static str = "Uses up the token of a mailed link.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = SignInOutcome;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for UseLink {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SignInOutcome>, AuthError> {
        let purpose = TokenPurpose::MagicLink;
        let now = tx.frame().now();
        let found = tx.one_time_tokens().find(&self.hash, purpose, now).await?;
        let found = found.ok_or(AuthError::VerificationInvalid)?;
        tx.users().lock_credentials(found.user).await?;
        let used = tx.one_time_tokens().consume(&self.hash, purpose, now).await?;
        let token = used.ok_or(AuthError::VerificationInvalid)?;
        let user = holder(tx, &token).await?.ok_or(AuthError::VerificationInvalid)?;
        let wish = SignIn {
            user: user.id,
            proof: Proof::MagicLink,
            label: self.device.clone().unwrap_or_default(),
            tenant: None,
            verified_hash: None,
            remembered_device: self.remembered_device.clone(),
        };
        sign_in(tx, &wish).await
    }
}

/// Signs in with a mailed code.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInWithCode {
    /// The address the code was mailed to.
    pub email: EmailAddress,
    /// The six digits.
    pub code: SecretText,
    /// What the client calls itself, and the session is called in the list of sessions; at most 200 characters are kept.
    /// Over HTTP it is the header `User-Agent` unless given.
    #[serde(default)]
    pub device: Option<String>,
    /// The token of a remembered device, on which the second factor need not be proven again.
    #[serde(default)]
    pub remembered_device: Option<SecretText>,
}

impl Operation for LogInWithCode {
    const NAME: &'static str = "auth.session.log_in_with_code";
    const SUMMARY: &'static str = "Signs in with a mailed code.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = SignedIn;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for LogInWithCode {
    async fn run(&self, host: &H, caller: &Caller) -> Result<SignedIn, AuthError> {
        throttle::source(host, caller, Throttle::ProofSource).await?;
        throttle::address(host, &self.email, Throttle::ProofCode).await?;
        let try_code = TryCode {
            email: self.email.clone(),
            code: self.code.clone(),
            device: self.device.clone(),
            remembered_device: self.remembered_device.clone(),
        };
        match host.runner().on_behalf(caller, &try_code).await? {
            Tried::Closed(standing) => {
                standing.require_open()?;
                Err(AuthError::CredentialsInvalid)
            }
            Tried::Code(outcome) => SignedIn::answer(host, outcome),
        }
    }
}

/// What became of a code.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tried {
    /// Too many tries at the account failed before, at whatever door; nothing was tried.
    Closed(Standing),
    /// It was tried.
    Code(SignInOutcome),
}

/// Counts the try, and uses the code up if it is right, in one unit of work. Internal.
///
/// A wrong code is an `Ok` outcome, because the try must be counted although the caller is refused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TryCode {
    email: EmailAddress,
    code: SecretText,
    device: Option<String>,
    remembered_device: Option<SecretText>,
}

impl Operation for TryCode {
    const NAME: &'static str = "auth.session.try_code";
    const SUMMARY: &'static str = "Tries a mailed code.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Tried;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for TryCode {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Tried>, AuthError> {
        // An unknown address takes the same steps as one without a code.
        let user = tx.users().find_by_email(&self.email).await?.map(|user| user.id);
        let source = tx.frame().request().source;
        let mut attempt = Attempt::at_address(&self.email, user).from_source(source);
        let id = user.unwrap_or(UserId::from_uuid(Uuid::nil()));
        if device::is_of(tx, self.remembered_device.as_ref(), id).await? {
            attempt = attempt.by_known_device(id);
        }
        tx.users().lock_credentials(id).await?;
        let standing = attempts::may_try(tx, &attempt).await?;
        if standing != Standing::Open {
            const WHY: &str = "nothing was tried, and whoever knows an address could fill the log";
            return Ok(Outcome::unaudited(Tried::Closed(standing), WHY));
        }
        if self.use_up(tx, id).await? {
            let wish = SignIn {
                user: id,
                proof: Proof::EmailCode,
                label: self.device.clone().unwrap_or_default(),
                tenant: None,
                verified_hash: None,
                remembered_device: self.remembered_device.clone(),
            };
            return Ok(sign_in(tx, &wish).await?.map(Tried::Code));
        }
        attempts::record_failure(tx, &attempt).await?;
        let who = user.map_or_else(|| "unknown".to_owned(), |user| user.to_string());
        let details = json!({ "proof": TokenPurpose::EmailCode.as_str() });
        let entry = AuditEntry::on("user", who).with(details).refused();
        Ok(Outcome::audited(Tried::Code(SignInOutcome::Refused), entry))
    }
}

impl TryCode {
    /// Whether the code is the user's live one, which is used up then.
    async fn use_up<Tx: IdentityTx + ?Sized>(&self, tx: &mut Tx, user: UserId) -> Result<bool, AuthError> {
        let frame = Arc::clone(tx.frame());
        let (purpose, now) = (TokenPurpose::EmailCode, frame.now());
        let tries = frame.kit().policies.get::<ProofPolicy>().tries();
        let Some(token) = tx.one_time_tokens().attempt(user, purpose, tries, now).await? else {
            return Ok(false);
        };
        let right = hash_code(user, purpose, &self.code).ct_eq(&token.hash);
        if !bool::from(right) {
            return Ok(false);
        }
        let used = tx.one_time_tokens().consume(&token.hash, purpose, now).await?;
        Ok(used.is_some() && holder(tx, &token).await?.is_some())
    }
}
