//! Finishing a sign-in with the second factor.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::challenge;
use super::renew::TokenPair;
use super::start::{self, NewSession, SessionGrant, begin};
use crate::attempts::{self, Attempt, Standing};
use crate::error::AuthError;
use crate::kit::AuthHost;
#[cfg(feature = "passkeys")]
use crate::passkey::proof::{PasskeyUse, use_up};
use crate::second_factor::device::{self, RememberedDevice};
use crate::second_factor::proof;
use crate::second_factor::{SecondFactorMethod, SecondFactorPolicy};
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};
use crate::user::UserState;

/// Finishes a sign-in with a code of the authenticator, or a recovery code.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishSignIn {
    /// The token of the half-finished sign-in.
    pub challenge: SecretText,
    /// Six digits of the authenticator, or a recovery code.
    pub code: SecretText,
    /// Whether this device need not prove the second factor again for a while (30 days, unless configured otherwise).
    #[serde(default)]
    pub remember_device: bool,
}

/// The tokens of the session, and what the device is remembered by.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Finished {
    /// The tokens.
    #[serde(flatten)]
    pub tokens: TokenPair,
    /// To be sent with later sign-ins from this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered_device: Option<SecretText>,
    /// Recovery codes that are left, when one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_codes_left: Option<i64>,
}

impl Operation for FinishSignIn {
    const NAME: &'static str = "auth.session.second_factor";
    const SUMMARY: &'static str = "Finishes a sign-in with the second factor.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = Finished;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for FinishSignIn {
    async fn run(&self, host: &H, caller: &Caller) -> Result<Finished, AuthError> {
        throttle::source(host, caller, Throttle::SecondFactorSource).await?;
        let hash = challenge::TOKEN
            .hash(&self.challenge)
            .ok_or(AuthError::ChallengeInvalid)?;
        let find = FindChallenge { hash };
        // A made-up challenge locks nothing.
        let found = host.runner().on_behalf(caller, &find).await?;
        found.ok_or(AuthError::ChallengeInvalid)?;
        let prove = ProveSecondFactor {
            hash,
            proof: FactorProof::Code(self.code.clone()),
            remember_device: self.remember_device,
        };
        prove.finish(host, caller).await
    }
}

/// Whose half-finished sign-in it is. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindChallenge {
    pub(crate) hash: [u8; 32],
}

impl Operation for FindChallenge {
    const NAME: &'static str = "auth.session.find_challenge";
    const SUMMARY: &'static str = "Whose half-finished sign-in it is.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Option<UserId>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindChallenge {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Option<UserId>>, AuthError> {
        let found = tx.sign_in_challenges().find(&self.hash).await?;
        Ok(Outcome::unaudited(
            found.map(|challenge| challenge.user),
            "reads only",
        ))
    }
}

/// Proves the second factor and begins the session, in one unit of work: of parallel calls with one code, one wins.
///
/// Internal. A wrong code is an `Ok` outcome, because the try must be counted although the caller is refused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProveSecondFactor {
    pub(crate) hash: [u8; 32],
    pub(crate) proof: FactorProof,
    pub(crate) remember_device: bool,
}

/// What is shown as the second factor.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FactorProof {
    /// A code, to be used up.
    Code(SecretText),
    /// A passkey was verified.
    #[cfg(feature = "passkeys")]
    Passkey(PasskeyUse),
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Started {
    grant: SessionGrant,
    device: Option<SecretText>,
    recovery_codes_left: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FinishOutcome {
    /// The session began.
    Started(Started),
    /// The code is wrong, or was used; the try is counted.
    Wrong,
    /// Too many were wrong before, over all half-finished sign-ins of the user; nothing was tried.
    Closed(Standing),
    /// The half-finished sign-in is worth nothing any more.
    Gone,
}

impl Operation for ProveSecondFactor {
    const NAME: &'static str = "auth.session.prove_second_factor";
    const SUMMARY: &'static str = "Proves the second factor and begins the session.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = FinishOutcome;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ProveSecondFactor {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<FinishOutcome>, AuthError> {
        let gone = || {
            Outcome::unaudited(
                FinishOutcome::Gone,
                "nothing changes, and whoever holds an old token could fill the log",
            )
        };
        let frame = Arc::clone(tx.frame());
        let (now, policy) = (frame.now(), frame.kit().policies.get::<SecondFactorPolicy>());
        let Some(challenge) = tx.sign_in_challenges().find(&self.hash).await? else {
            return Ok(gone());
        };
        let (user, credentials) = (challenge.user, tx.users().lock_credentials(challenge.user).await?);
        // A thief of the password can begin as often as log-in allows; this counts over all those beginnings, and over
        // all doors behind the password. A stranger without it never gets here and closes nothing.
        let attempt = Attempt::at_user(user).by_known_device(user);
        let standing = attempts::may_try(tx, &attempt).await?;
        if standing != Standing::Open {
            const WHY: &str = "nothing was tried, and whoever holds a password could fill the log";
            return Ok(Outcome::unaudited(FinishOutcome::Closed(standing), WHY));
        }
        if credentials != Some(challenge.credentials)
            || !tx
                .sign_in_challenges()
                .attempt(&self.hash, policy.tries(), now)
                .await?
        {
            return Ok(gone());
        }
        let person = tx.users().find(user).await?;
        let Some(person) = person.filter(|person| person.state == UserState::Active) else {
            return Ok(gone());
        };
        let method = match &self.proof {
            FactorProof::Code(code) => proof::consume(tx, user, code).await?,
            #[cfg(feature = "passkeys")]
            FactorProof::Passkey(used) => {
                use_up(tx, used).await?;
                Some(SecondFactorMethod::Passkey)
            }
        };
        let Some(method) = method else {
            attempts::record_failure(tx, &attempt).await?;
            let details = json!({ "proof": challenge.proof });
            return Ok(Outcome::audited(
                FinishOutcome::Wrong,
                AuditEntry::on("user", user).with(details).refused(),
            ));
        };
        tx.sign_in_challenges().delete(&self.hash).await?;
        let device = self.remember(tx, user, &challenge.label, &policy).await?;
        let new = NewSession {
            user,
            agent: &challenge.label,
            tenant: challenge.tenant,
            second_factor_at: Some(now),
        };
        let mut outcome = begin(tx, new).await?;
        let mut recovery_codes_left = None;
        if method == SecondFactorMethod::RecoveryCode {
            let left = tx.second_factors().count_recovery_codes(user).await?;
            recovery_codes_left = Some(left);
            outcome = outcome.emit(proof::recovery_code_used(&frame, &person, left)?);
        }
        Ok(outcome.map(|grant| {
            FinishOutcome::Started(Started {
                grant,
                device,
                recovery_codes_left,
            })
        }))
    }
}

impl ProveSecondFactor {
    /// Runs it, and answers the tokens.
    pub(crate) async fn finish<H: AuthHost>(self, host: &H, caller: &Caller) -> Result<Finished, AuthError> {
        match host.runner().on_behalf(caller, &self).await? {
            FinishOutcome::Started(finished) => Ok(Finished {
                tokens: TokenPair::issue(host, finished.grant)?,
                remembered_device: finished.device,
                recovery_codes_left: finished.recovery_codes_left,
            }),
            FinishOutcome::Wrong => Err(AuthError::SecondFactorInvalid),
            FinishOutcome::Closed(standing) => {
                standing.require_open()?;
                Err(AuthError::SecondFactorInvalid)
            }
            FinishOutcome::Gone => Err(AuthError::ChallengeInvalid),
        }
    }

    async fn remember<Tx: IdentityTx + ?Sized>(
        &self,
        tx: &mut Tx,
        user: UserId,
        label: &str,
        policy: &SecondFactorPolicy,
    ) -> Result<Option<SecretText>, AuthError> {
        if !self.remember_device || policy.remembered().is_zero() {
            return Ok(None);
        }
        let frame = Arc::clone(tx.frame());
        let (token, hash) = device::mint(&*frame.kit().random)?;
        let device = RememberedDevice {
            hash,
            user,
            label: start::label(label),
            created_at: frame.now(),
            expires_at: frame.now().saturating_add(policy.remembered()),
        };
        tx.remembered_devices().insert(&device).await?;
        Ok(Some(token))
    }
}
