//! Signing in with a mailed proof. The second factor is asked for as after any other first one.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::ProofPolicy;
use super::reset_password::holder;
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::one_time_token::{self, TokenPurpose, hash_code};
use crate::session::sign_in::{Proof, SignIn, SignInOutcome, SignedIn, sign_in};
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};

/// Signs in with the token of a mailed link.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInWithLink {
    /// The token from the mail.
    pub token: SecretText,
    /// What the session is called in the list of sessions; at most 200 characters are kept.
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
        throttle::source(host, caller, Throttle::PROOF_SOURCE).await?;
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
    /// What the session is called in the list of sessions; at most 200 characters are kept.
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
        throttle::source(host, caller, Throttle::PROOF_SOURCE).await?;
        throttle::address(host, &self.email, Throttle::PROOF_CODE).await?;
        let try_code = TryCode {
            email: self.email.clone(),
            code: self.code.clone(),
            device: self.device.clone(),
            remembered_device: self.remembered_device.clone(),
        };
        let outcome = host.runner().on_behalf(caller, &try_code).await?;
        SignedIn::answer(host, outcome)
    }
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
    type Output = SignInOutcome;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for TryCode {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SignInOutcome>, AuthError> {
        let frame = std::sync::Arc::clone(tx.frame());
        let (purpose, now) = (TokenPurpose::EmailCode, frame.now());
        let tries = frame.kit().policies.get::<ProofPolicy>().tries();
        let refused = |who: String| {
            let entry = AuditEntry::on("user", who).with(json!({ "proof": purpose.as_str() }));
            Outcome::audited(SignInOutcome::Refused, entry.refused())
        };
        // An unknown address takes the same steps as one without a code.
        let user = tx.users().find_by_email(&self.email).await?;
        let id = user
            .as_ref()
            .map_or(wisdom_core::id::UserId::from_uuid(uuid::Uuid::nil()), |user| {
                user.id
            });
        tx.users().lock_credentials(id).await?;
        let token = tx.one_time_tokens().attempt(id, purpose, tries, now).await?;
        let (Some(user), Some(token)) = (user, token) else {
            return Ok(refused("unknown".to_owned()));
        };
        let right = hash_code(user.id, purpose, &self.code).ct_eq(&token.hash);
        if !bool::from(right) {
            return Ok(refused(user.id.to_string()));
        }
        let used = tx.one_time_tokens().consume(&token.hash, purpose, now).await?;
        let holds = holder(tx, &token).await?.is_some();
        if used.is_none() || !holds {
            return Ok(refused(user.id.to_string()));
        }
        let wish = SignIn {
            user: user.id,
            proof: Proof::EmailCode,
            label: self.device.clone().unwrap_or_default(),
            tenant: None,
            verified_hash: None,
            remembered_device: self.remembered_device.clone(),
        };
        sign_in(tx, &wish).await
    }
}
