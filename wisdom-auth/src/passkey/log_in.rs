//! Signing in with a passkey alone: who it is, is what the authenticator says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::PasskeyError;
use super::begin::{self, CeremonyBegun, For};
use super::ceremony::CeremonyPurpose;
use super::proof::{self, PasskeyUse, Returned, use_up};
use super::relying_party::CredentialResponse;
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::session::sign_in::{Proof, SignIn, SignInOutcome, SignedIn, sign_in};
use crate::store::IdentityTx;

/// Begins a sign-in with a passkey. What it answers is made of chance alone: it says nothing about any account.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginPasskeyLogIn {}

impl Operation for BeginPasskeyLogIn {
    const NAME: &'static str = "auth.passkey.begin_log_in";
    const SUMMARY: &'static str = "Begins a sign-in with a passkey.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = CeremonyBegun;
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for BeginPasskeyLogIn {
    async fn run(&self, host: &H, caller: &Caller) -> Result<CeremonyBegun, PasskeyError> {
        let relying_party = host.auth().passkeys.relying_party()?;
        begin::throttle(host, caller).await?;
        let whom = For {
            purpose: CeremonyPurpose::LogIn,
            user: None,
            sign_in: None,
        };
        begin::keep(host, caller, whom, relying_party.begin_discovery()?).await
    }
}

/// Signs in with a passkey. The authenticator verified the user, so it counts as both factors.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInWithPasskey {
    /// The token of the ceremony.
    pub ceremony: SecretText,
    /// The authenticator's answer.
    pub credential: CredentialResponse,
    /// What the client calls itself, and the session is called in the list of sessions, such as the device; at most 200
    /// characters are kept. Over HTTP it is the header `User-Agent` unless given.
    #[serde(default)]
    pub device: Option<String>,
}

impl Operation for LogInWithPasskey {
    const NAME: &'static str = "auth.passkey.log_in";
    const SUMMARY: &'static str = "Signs in with a passkey.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = SignedIn;
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for LogInWithPasskey {
    async fn run(&self, host: &H, caller: &Caller) -> Result<SignedIn, PasskeyError> {
        begin::throttle(host, caller).await?;
        let returned = Returned {
            token: &self.ceremony,
            purpose: CeremonyPurpose::LogIn,
            user: None,
            sign_in: None,
        };
        let used = proof::verify(host, caller, returned, &self.credential).await?;
        let enter = SignInWithPasskey {
            used,
            label: self.device.clone().unwrap_or_default(),
        };
        let outcome = host.runner().on_behalf(caller, &enter).await;
        let outcome = match outcome {
            Err(AuthError::ChallengeInvalid) => return Err(PasskeyError::CeremonyInvalid),
            outcome => proof::refuse_if_overtaken(host, caller, returned, &self.credential, outcome).await?,
        };
        // Who is gone or disabled is refused like a passkey that nobody knows.
        match outcome {
            SignInOutcome::Refused => Err(AuthError::PasskeyInvalid.into()),
            outcome => Ok(SignedIn::answer(host, outcome)?),
        }
    }
}

/// Uses a verified passkey up and ends the sign-in, in one unit of work: of parallel calls with one ceremony, one wins.
/// Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignInWithPasskey {
    used: PasskeyUse,
    label: String,
}

impl Operation for SignInWithPasskey {
    const NAME: &'static str = "auth.passkey.sign_in";
    const SUMMARY: &'static str = "Ends a sign-in with a verified passkey.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = SignInOutcome;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for SignInWithPasskey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SignInOutcome>, AuthError> {
        tx.users().lock_credentials(self.used.user).await?;
        use_up(tx, &self.used).await?;
        let wish = SignIn {
            user: self.used.user,
            proof: Proof::Passkey,
            label: self.label.clone(),
            tenant: None,
            verified_hash: None,
            remembered_device: None,
        };
        sign_in(tx, &wish).await
    }
}
