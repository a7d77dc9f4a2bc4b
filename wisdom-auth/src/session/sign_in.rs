//! The last step of every sign-in: whatever proved who somebody is, here it becomes a session or a challenge for the
//! second factor, and nowhere else.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::{TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::challenge::{self, SignInChallenge};
use super::origin::{MAX_AGENT, printable};
use super::renew::TokenPair;
use super::start::{NewSession, SessionGrant, begin};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::second_factor::set_up::SetUp;
use crate::second_factor::{SecondFactorMethod, SecondFactorPolicy, device};
use crate::store::IdentityTx;
use crate::user::UserState;

/// What somebody proved who they are with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The password.
    Password,
    /// The link that was mailed to the address.
    MagicLink,
    /// The code that was mailed to the address.
    EmailCode,
    /// An identity provider's word.
    Oidc,
    /// A passkey whose authenticator verified the user: two factors in one.
    Passkey,
}

impl Proof {
    const ALL: [Self; 5] = [
        Self::Password,
        Self::MagicLink,
        Self::EmailCode,
        Self::Oidc,
        Self::Passkey,
    ];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::MagicLink => "magic_link",
            Self::EmailCode => "email_code",
            Self::Oidc => "oidc",
            Self::Passkey => "passkey",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proof| proof.as_str() == name)
    }

    /// Whether it proves two factors at once, so that none is left to ask for.
    #[must_use]
    pub const fn is_two_factors(self) -> bool {
        matches!(self, Self::Passkey)
    }
}

/// Ends a sign-in: begins a session, or asks for the second factor.
///
/// Internal: run by flows through the runner, which does not ask for its access rule. Use cases that prove something
/// themselves call [`sign_in`] in their own unit of work.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Who.
    pub user: UserId,
    /// What they proved it with.
    pub proof: Proof,
    /// What the client calls itself, and what the user will see in the list of sessions, cut to 200 characters there.
    #[serde(default)]
    pub label: String,
    /// The tenant to bind the session to. The caller has checked that the user is a member.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// The password hash that was verified, if a password was the proof: the sign-in goes on only if it is still the
    /// stored one, so that a password changed meanwhile lets nobody in.
    #[serde(default)]
    pub verified_hash: Option<SecretText>,
    /// The token of a device that the user asked to remember, if one came.
    #[serde(default)]
    pub remembered_device: Option<SecretText>,
}

/// What became of the wish for a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInOutcome {
    /// It began.
    Started(SessionGrant),
    /// The second factor is asked for.
    Challenged(ChallengeGrant),
    /// Neither: the user is gone or disabled, or the password has changed since it was verified.
    Refused,
}

/// A half-finished sign-in, for whoever is to finish it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChallengeGrant {
    /// The token of the half-finished sign-in.
    pub token: SecretText,
    /// Until when it can be finished.
    pub expires_at: Timestamp,
    /// Ways to do so.
    pub methods: Vec<SecondFactorMethod>,
}

/// The answer to a sign-in that was right so far.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SignedIn {
    /// The tokens of the session that began.
    Session(TokenPair),
    /// No session yet: the second factor is asked for.
    Challenge(SecondFactorRequired),
}

impl SignedIn {
    /// The answer that goes with an outcome.
    ///
    /// # Errors
    /// [`AuthError::CredentialsInvalid`] when the sign-in was refused.
    pub fn answer<H: AuthHost>(host: &H, outcome: SignInOutcome) -> Result<Self, AuthError> {
        match outcome {
            SignInOutcome::Started(grant) => Ok(Self::Session(TokenPair::issue(host, grant)?)),
            SignInOutcome::Challenged(grant) => Ok(Self::Challenge(SecondFactorRequired {
                second_factor_required: True,
                expires_in: grant.expires_at.since(host.runner().kit().clock.now()).as_secs(),
                challenge: grant.token,
                methods: grant.methods,
            })),
            SignInOutcome::Refused => Err(AuthError::CredentialsInvalid),
        }
    }
}

/// A half-finished sign-in. It is no session and opens nothing but the second factor.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorRequired {
    /// Always true.
    pub second_factor_required: True,
    /// To be sent with the second factor.
    pub challenge: SecretText,
    /// Seconds until the sign-in has to begin again.
    pub expires_in: u64,
    /// Ways to prove the second factor.
    pub methods: Vec<SecondFactorMethod>,
}

/// The truth value `true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct True;

impl Serialize for True {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom("must be true"))
        }
    }
}

impl JsonSchema for True {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "True".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "boolean", "const": true })
    }
}

impl Operation for SignIn {
    const NAME: &'static str = "auth.session.sign_in";
    const SUMMARY: &'static str =
        "Begins a session for a user who has proven who they are, or asks for the second factor.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = SignInOutcome;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for SignIn {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SignInOutcome>, AuthError> {
        sign_in(tx, self).await
    }
}

/// Ends a sign-in within the caller's unit of work. The one way to a session for somebody who has none.
///
/// What was checked stays true until the unit of work ends: the generation of the user's credentials is locked first.
///
/// # Errors
/// When storage, sealing or randomness fails. A refusal is an outcome.
pub async fn sign_in<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    wish: &SignIn,
) -> Result<Outcome<SignInOutcome>, AuthError> {
    let refused = || Outcome::unaudited(SignInOutcome::Refused, "the flow that asked audits the refusal");
    let Some(credentials) = tx.users().lock_credentials(wish.user).await? else {
        return Ok(refused());
    };
    let user = tx.users().find(wish.user).await?;
    if user.is_none_or(|user| user.state != UserState::Active) {
        return Ok(refused());
    }
    if let Some(verified) = &wish.verified_hash {
        let stored = tx.users().password_hash(wish.user).await?.map(SecretText::from);
        if !stored.is_some_and(|stored| stored.ct_eq(verified)) {
            return Ok(refused());
        }
    }
    let now = tx.frame().now();
    let methods = SetUp::of(tx, wish.user).await?.methods(tx, wish.user).await?;
    let second_factor_at = if wish.proof.is_two_factors() {
        Some(now)
    } else if methods.is_empty() {
        None
    } else if let Some(proven_at) = remembered(tx, wish).await? {
        Some(proven_at)
    } else {
        return challenge(tx, wish, credentials, methods).await;
    };
    let new = NewSession {
        user: wish.user,
        agent: &wish.label,
        tenant: wish.tenant,
        second_factor_at,
    };
    begin(tx, new)
        .await
        .map(|outcome| outcome.map(SignInOutcome::Started))
}

/// When the second factor was proven on this device, if it is one of the user's remembered ones.
async fn remembered<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    wish: &SignIn,
) -> Result<Option<Timestamp>, AuthError> {
    let Some(hash) = wish
        .remembered_device
        .as_ref()
        .and_then(|token| device::TOKEN.hash(token))
    else {
        return Ok(None);
    };
    let now = tx.frame().now();
    let found = tx.remembered_devices().find(&hash, now).await?;
    Ok(found
        .filter(|device| device.user == wish.user)
        .map(|device| device.created_at))
}

async fn challenge<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    wish: &SignIn,
    credentials: i64,
    methods: Vec<SecondFactorMethod>,
) -> Result<Outcome<SignInOutcome>, AuthError> {
    let frame = Arc::clone(tx.frame());
    let policy = frame.kit().policies.get::<SecondFactorPolicy>();
    let (token, hash) = challenge::TOKEN.mint(&*frame.kit().random)?;
    let expires_at = frame.now().saturating_add(policy.challenge_life());
    let challenge = SignInChallenge {
        hash,
        user: wish.user,
        credentials,
        proof: wish.proof,
        label: printable(&wish.label, MAX_AGENT),
        tenant: wish.tenant,
        attempts: 0,
        created_at: frame.now(),
        expires_at,
    };
    tx.sign_in_challenges().insert(&challenge).await?;
    let details = json!({ "proof": wish.proof, "what": "second factor asked for" });
    let grant = ChallengeGrant {
        token,
        expires_at,
        methods,
    };
    Ok(Outcome::audited(
        SignInOutcome::Challenged(grant),
        AuditEntry::on("user", wish.user).with(details),
    ))
}
