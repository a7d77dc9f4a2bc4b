//! Finishing a sign-in with a passkey as the second factor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::id::UserId;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation};

use super::PasskeyError;
use super::begin::{self, CeremonyBegun, FindPasskeys, For};
use super::ceremony::CeremonyPurpose;
use super::proof::{self, Returned};
use super::relying_party::CredentialResponse;
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::session::challenge;
use crate::session::second_factor::{FactorProof, FindChallenge, Finished, ProveSecondFactor};
use crate::throttle::{self, Throttle};

/// Begins to prove the second factor of a half-finished sign-in with a passkey.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginPasskeySecondFactor {
    /// The token of the half-finished sign-in.
    pub challenge: SecretText,
}

impl Operation for BeginPasskeySecondFactor {
    const NAME: &'static str = "auth.passkey.begin_second_factor";
    const SUMMARY: &'static str = "Begins to prove the second factor of a sign-in with a passkey.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = CeremonyBegun;
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for BeginPasskeySecondFactor {
    async fn run(&self, host: &H, caller: &Caller) -> Result<CeremonyBegun, PasskeyError> {
        let relying_party = host.auth().passkeys.relying_party()?;
        begin::throttle(host, caller).await?;
        let (hash, user) = challenged(host, caller, &self.challenge).await?;
        throttle::user(host, user, Throttle::PasskeyCeremony).await?;
        let find = FindPasskeys { user, fresh: false };
        let found = host.runner().on_behalf(caller, &find).await?;
        if found.passkeys.is_empty() {
            return Err(AuthError::SecondFactorMissing.into());
        }
        let whom = For {
            purpose: CeremonyPurpose::SecondFactor,
            user: Some(user),
            sign_in: Some(hash),
        };
        begin::keep(host, caller, whom, relying_party.begin_proof(&found.passkeys)?).await
    }
}

/// Finishes a sign-in with a passkey.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishSignInWithPasskey {
    /// The token of the half-finished sign-in.
    pub challenge: SecretText,
    /// The token of the ceremony.
    pub ceremony: SecretText,
    /// The authenticator's answer.
    pub credential: CredentialResponse,
    /// Whether this device need not prove the second factor again for a while (30 days, unless configured otherwise).
    #[serde(default)]
    pub remember_device: bool,
}

impl Operation for FinishSignInWithPasskey {
    const NAME: &'static str = "auth.passkey.second_factor";
    const SUMMARY: &'static str = "Finishes a sign-in with a passkey.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = Finished;
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for FinishSignInWithPasskey {
    async fn run(&self, host: &H, caller: &Caller) -> Result<Finished, PasskeyError> {
        begin::throttle(host, caller).await?;
        let (hash, user) = challenged(host, caller, &self.challenge).await?;
        throttle::user(host, user, Throttle::SecondFactor).await?;
        let returned = Returned {
            token: &self.ceremony,
            purpose: CeremonyPurpose::SecondFactor,
            user: Some(user),
            sign_in: Some(hash),
        };
        let used = proof::verify(host, caller, returned, &self.credential).await?;
        let prove = ProveSecondFactor {
            hash,
            proof: FactorProof::Passkey(used),
            remember_device: self.remember_device,
        };
        let finished = prove.finish(host, caller).await;
        proof::refuse_if_overtaken(host, caller, returned, &self.credential, finished).await
    }
}

/// The hash of a half-finished sign-in's token, and whose it is.
async fn challenged<H: AuthHost>(
    host: &H,
    caller: &Caller,
    token: &SecretText,
) -> Result<([u8; 32], UserId), AuthError> {
    let hash = challenge::TOKEN.hash(token).ok_or(AuthError::ChallengeInvalid)?;
    let found = host.runner().on_behalf(caller, &FindChallenge { hash }).await?;
    Ok((hash, found.ok_or(AuthError::ChallengeInvalid)?))
}
