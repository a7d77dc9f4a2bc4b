//! Proving again who one is, with a passkey.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
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
use crate::session::step_up::{StepUpProof, SteppedUp, renew};
use crate::throttle::{self, Throttle};

/// Begins to prove again who the caller is, with a passkey.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginPasskeyStepUp {}

impl Operation for BeginPasskeyStepUp {
    const NAME: &'static str = "auth.passkey.begin_step_up";
    const SUMMARY: &'static str = "Begins to prove again who the caller is, with a passkey.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = CeremonyBegun;
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for BeginPasskeyStepUp {
    async fn run(&self, host: &H, caller: &Caller) -> Result<CeremonyBegun, PasskeyError> {
        let relying_party = host.auth().passkeys.relying_party()?;
        let user = caller.require_session()?.user;
        throttle::user(host, user, Throttle::PasskeyCeremony).await?;
        let find = FindPasskeys { user, fresh: false };
        let found = host.runner().on_behalf(caller, &find).await?;
        if found.passkeys.is_empty() {
            return Err(AuthError::SecondFactorMissing.into());
        }
        let whom = For {
            purpose: CeremonyPurpose::StepUp,
            user: Some(user),
            sign_in: None,
        };
        begin::keep(host, caller, whom, relying_party.begin_proof(&found.passkeys)?).await
    }
}

/// Proves again who the caller is, with a passkey.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUpWithPasskey {
    /// The token of the ceremony.
    pub ceremony: SecretText,
    /// The authenticator's answer.
    pub credential: CredentialResponse,
}

impl Operation for StepUpWithPasskey {
    const NAME: &'static str = "auth.passkey.step_up";
    const SUMMARY: &'static str = "Proves again who the caller is, with a passkey.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = SteppedUp;
    type Error = PasskeyError;
}

impl<H: AuthHost> Flow<H> for StepUpWithPasskey {
    async fn run(&self, host: &H, caller: &Caller) -> Result<SteppedUp, PasskeyError> {
        let user = caller.require_session()?.user;
        throttle::user(host, user, Throttle::SecondFactor).await?;
        let returned = Returned {
            token: &self.ceremony,
            purpose: CeremonyPurpose::StepUp,
            user: Some(user),
            sign_in: None,
        };
        let used = proof::verify(host, caller, returned, &self.credential).await?;
        match renew(host, caller, StepUpProof::Passkey(used)).await {
            Err(AuthError::ChallengeInvalid) => Err(PasskeyError::CeremonyInvalid),
            stepped => proof::refuse_if_overtaken(host, caller, returned, &self.credential, stepped).await,
        }
    }
}
