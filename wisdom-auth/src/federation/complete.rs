//! The way back from a provider.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::assertion::{Assertion, AssertionFault};
use super::attempt::{Attempt, AttemptSecrets};
use super::resolve::{Resolution, ResolveIdentity};
use super::{FederationError, Organization};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::session::sign_in::{Proof, SignIn, SignInOutcome, SignedIn};
use crate::session::{RevokeReason, SessionEnd};
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};

/// How often an account is looked for again because one was made at the same moment.
const MAX_RACES: usize = 3;

/// What the provider sent the browser back with, and what the browser kept.
#[derive(Debug, Clone)]
pub(super) struct Answer<'a> {
    pub(super) provider: &'a str,
    pub(super) binding: &'a SecretText,
    pub(super) state: &'a SecretText,
    pub(super) code: Option<&'a SecretText>,
    pub(super) iss: Option<&'a str>,
    pub(super) error: Option<&'a str>,
}

/// What completes a sign-in with a provider. It is an operation where people and tenants come together, in
/// `wisdom-tenancy`: who comes through an organization's provider becomes a member of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteSignIn {
    /// The provider whose way back the browser came: the last segment of the path that it was sent to.
    pub provider: String,
    /// What the browser kept.
    pub binding: SecretText,
    /// `state` as it came back.
    pub state: SecretText,
    /// `code` as it came back.
    #[serde(default)]
    pub code: Option<SecretText>,
    /// `iss` as it came back, if it did (RFC 9207).
    #[serde(default)]
    pub iss: Option<String>,
    /// `error` as it came back, if it did.
    #[serde(default)]
    pub error: Option<String>,
    /// What the client calls itself, and the session is called in the list of sessions, such as the device; at most 200
    /// characters are kept. Over HTTP it is the header `User-Agent` unless given.
    #[serde(default)]
    pub device: Option<String>,
    /// The token of a remembered device, on which the second factor need not be proven again.
    #[serde(default)]
    pub remembered_device: Option<SecretText>,
}

/// Somebody who has signed in with a provider.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompletedSignIn {
    /// The tokens, or the question for the second factor.
    #[serde(flatten)]
    pub signed_in: SignedIn,
    /// Where the application wanted to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_to: Option<String>,
    /// Whether the account was made by this.
    pub new_user: bool,
}

/// Somebody whom a provider vouches for, and who has no session yet.
#[derive(Debug, Clone)]
pub struct Proven {
    /// Who.
    pub user: UserId,
    /// The organization whose provider it was, if it vouched for an address of one of the organization's domains.
    pub organization: Option<Organization>,
    new_user: bool,
    return_to: Option<String>,
    label: String,
    remembered_device: Option<SecretText>,
}

impl CompleteSignIn {
    /// Uses up the attempt, asks the provider, and finds or makes the user.
    ///
    /// # Errors
    /// [`FederationError`].
    pub async fn prove<H: AuthHost>(&self, host: &H, caller: &Caller) -> Result<Proven, FederationError> {
        let answer = Answer {
            provider: &self.provider,
            binding: &self.binding,
            state: &self.state,
            code: self.code.as_ref(),
            iss: self.iss.as_deref(),
            error: self.error.as_deref(),
        };
        let (attempt, assertion) = redeem(host, caller, &answer, None).await?;
        let settings = host.auth().federation.provider(&self.provider)?.settings();
        let organization = settings
            .organization
            .filter(|_| assertion.verified_email.is_some());
        let resolve = ResolveIdentity {
            provider: settings.name.clone(),
            issuer: assertion.issuer,
            subject: assertion.subject,
            verified_email: assertion.verified_email,
            name: assertion.name,
            sign_up: settings.sign_up,
            link_by_email: settings.link_by_email,
        };
        let (user, new_user) = resolved(host, caller, &resolve).await?;
        Ok(Proven {
            user,
            organization,
            new_user,
            return_to: attempt.return_to,
            label: self.device.clone().unwrap_or_default(),
            remembered_device: self.remembered_device.clone(),
        })
    }
}

impl Proven {
    /// The last step of the sign-in.
    ///
    /// # Errors
    /// [`FederationError`].
    pub async fn sign_in<H: AuthHost>(
        self,
        host: &H,
        caller: &Caller,
    ) -> Result<CompletedSignIn, FederationError> {
        let wish = SignIn {
            user: self.user,
            proof: Proof::Oidc,
            label: self.label,
            tenant: None,
            verified_hash: None,
            remembered_device: self.remembered_device,
        };
        match host.runner().on_behalf(caller, &wish).await? {
            // They have proven who they are, so they may know.
            SignInOutcome::Refused => {
                Err(AuthError::SessionEnded(SessionEnd::Revoked(RevokeReason::Disabled)).into())
            }
            outcome => Ok(CompletedSignIn {
                signed_in: SignedIn::answer(host, outcome)?,
                return_to: self.return_to,
                new_user: self.new_user,
            }),
        }
    }
}

async fn resolved<H: AuthHost>(
    host: &H,
    caller: &Caller,
    resolve: &ResolveIdentity,
) -> Result<(UserId, bool), FederationError> {
    for _ in 0..MAX_RACES {
        match host.runner().on_behalf(caller, resolve).await? {
            Resolution::Known(user) | Resolution::Joined(user) => return Ok((user, false)),
            Resolution::Created(user) => return Ok((user, true)),
            Resolution::Raced => {}
            Resolution::EmailUnverified => return Err(FederationError::EmailUnverified),
            Resolution::LinkRequired => return Err(FederationError::LinkRequired),
            Resolution::SignUpClosed => return Err(FederationError::SignUpClosed),
        }
    }
    let kind = wisdom_core::storage::StorageErrorKind::Contention;
    Err(wisdom_core::storage::StorageError::new(kind, "external_identities.resolve").into())
}

/// Uses up the attempt and asks the provider whom the code stands for.
///
/// The attempt is used up before anything else is looked at: whatever is wrong with the rest, it does not work twice.
pub(super) async fn redeem<H: AuthHost>(
    host: &H,
    caller: &Caller,
    answer: &Answer<'_>,
    user: Option<UserId>,
) -> Result<(Attempt, Assertion), FederationError> {
    let provider = host.auth().federation.provider(answer.provider)?;
    throttle::source(host, caller, Throttle::ProviderSource).await?;
    let secrets =
        AttemptSecrets::presented(answer.state, answer.binding).ok_or(FederationError::AttemptInvalid)?;
    let take = TakeAttempt {
        state_hash: secrets.state_hash(),
    };
    let taken = host.runner().on_behalf(caller, &take).await?;
    let attempt = taken
        .attempt
        .filter(|attempt| attempt.belongs_to(&secrets, answer.provider, user))
        .ok_or(FederationError::AttemptInvalid)?;
    let outcome = match (answer.code, answer.error) {
        (_, Some(_)) => Err(FederationError::Denied),
        (None, None) => Err(AssertionFault::Form.into()),
        (Some(code), None) => {
            provider
                .assertion(host.runner().kit(), &secrets, code, answer.iss)
                .await
        }
    };
    match outcome {
        Ok(assertion) => Ok((attempt, assertion)),
        Err(error) => {
            note_refusal(host, caller, provider.name(), &error).await?;
            Err(error)
        }
    }
}

async fn note_refusal<H: AuthHost>(
    host: &H,
    caller: &Caller,
    provider: &str,
    error: &FederationError,
) -> Result<(), FederationError> {
    let fault = match error {
        FederationError::Refused(fault) => fault.as_str(),
        FederationError::Denied => "denied",
        // Nobody was refused: the provider was away.
        _ => return Ok(()),
    };
    metrics::counter!("wisdom_provider_answers_refused_total", "fault" => fault).increment(1);
    let refuse = RefuseAnswer {
        provider: provider.to_owned(),
        fault: fault.to_owned(),
    };
    host.runner().on_behalf(caller, &refuse).await
}

/// Uses up an attempt. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeAttempt {
    state_hash: [u8; 32],
}

/// The attempt that was used up, if there was one. It leaves the process in no form.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Taken {
    #[serde(skip)]
    attempt: Option<Attempt>,
}

impl Operation for TakeAttempt {
    const NAME: &'static str = "auth.provider.take_attempt";
    const SUMMARY: &'static str = "Uses up an attempt to sign in with a provider.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Taken;
    type Error = FederationError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for TakeAttempt {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Taken>, FederationError> {
        let now = tx.frame().now();
        let attempt = tx.provider_attempts().consume(&self.state_hash, now).await?;
        Ok(Outcome::unaudited(
            Taken { attempt },
            "what follows from it is audited",
        ))
    }
}

/// Puts a refused answer of a provider into the audit log. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefuseAnswer {
    provider: String,
    fault: String,
}

impl Operation for RefuseAnswer {
    const NAME: &'static str = "auth.provider.answer_refused";
    const SUMMARY: &'static str = "Notes a provider's answer that does not hold.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = FederationError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RefuseAnswer {
    async fn run(&self, _tx: &mut Tx) -> Result<Outcome<()>, FederationError> {
        let details = serde_json::json!({ "fault": self.fault });
        let entry = AuditEntry::on("provider", &self.provider).with(details).refused();
        Ok(Outcome::audited((), entry))
    }
}
