//! Proving again who one is, within a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, AccessError};
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::{Caller, Principal};
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::{MAX_RACES, Session};
use crate::attempts::{self, Attempt, Standing};
use crate::error::AuthError;
use crate::kit::AuthHost;
#[cfg(feature = "passkeys")]
use crate::passkey::proof::{PasskeyUse, use_up};
use crate::second_factor::proof;
use crate::second_factor::set_up::SetUp;
use crate::store::IdentityTx;

/// Proves again who the caller is: with a code of the authenticator or a recovery code if a second factor is set up, with
/// the password otherwise.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUp {
    /// The password, where no second factor is set up.
    #[serde(default)]
    pub password: Option<SecretText>,
    /// Six digits of the authenticator, or a recovery code.
    #[serde(default)]
    pub code: Option<SecretText>,
}

/// A new access token that says when the caller proved who they are. The refresh token stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SteppedUp {
    /// For the `Authorization` header of requests.
    pub access_token: SecretText,
    /// Always `Bearer` (RFC 6750).
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// When the caller proved who they are.
    pub authenticated_at: Timestamp,
}

impl Operation for StepUp {
    const NAME: &'static str = "auth.session.step_up";
    const SUMMARY: &'static str = "Proves again who the caller is, for changes that need a fresh proof.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = SteppedUp;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for StepUp {
    async fn run(&self, host: &H, caller: &Caller) -> Result<SteppedUp, AuthError> {
        let user = caller.require_session()?.user;
        let known = host.runner().on_behalf(caller, &FindProof { user }).await?;
        // Before a password is hashed; once more when the proof counts.
        known.standing.require_open()?;
        let proof = if known.second_factor {
            StepUpProof::Code(self.code.clone().ok_or(AuthError::CredentialsInvalid)?)
        } else {
            let password = self.password.clone().ok_or(AuthError::CredentialsInvalid)?;
            let phc = known.hash.as_ref().map(|hash| hash.expose().to_owned());
            let verified = host.auth().passwords.verify(password, phc).await?;
            match (known.hash, verified.ok) {
                (Some(hash), true) => StepUpProof::Password(hash),
                _ => StepUpProof::Wrong,
            }
        };
        renew(host, caller, proof).await
    }
}

/// Notes the proof and answers the token that says so.
pub(crate) async fn renew<H: AuthHost>(
    host: &H,
    caller: &Caller,
    proof: StepUpProof,
) -> Result<SteppedUp, AuthError> {
    let stepped = match host.runner().on_behalf(caller, &RenewProof { proof }).await? {
        ProofOutcome::Proven(at) => at,
        ProofOutcome::Closed(standing) => {
            standing.require_open()?;
            return Err(AuthError::CredentialsInvalid);
        }
        ProofOutcome::Wrong => return Err(AuthError::CredentialsInvalid),
    };
    let principal = Principal {
        authenticated_at: stepped,
        ..caller.require_principal()?.clone()
    };
    Ok(SteppedUp {
        // Of the time of the proof, however late it is made: see `SessionGrant::given_at`.
        access_token: host.auth().tokens.issue_for(&principal, stepped)?,
        token_type: "Bearer".to_owned(),
        expires_in: host.auth().tokens.policy().lifetime().as_secs(),
        authenticated_at: stepped,
    })
}

/// What the caller has to prove. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindProof {
    user: UserId,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProofNeeded {
    standing: Standing,
    second_factor: bool,
    hash: Option<SecretText>,
}

impl Operation for FindProof {
    const NAME: &'static str = "auth.session.find_proof";
    const SUMMARY: &'static str = "Looks up what a step-up is verified against.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = ProofNeeded;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindProof {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ProofNeeded>, AuthError> {
        let second_factor = SetUp::of(tx, self.user).await?.any();
        let hash = tx.users().password_hash(self.user).await?;
        let needed = ProofNeeded {
            standing: attempts::may_try(tx, &attempt(self.user)).await?,
            second_factor,
            hash: hash.map(SecretText::from),
        };
        Ok(Outcome::unaudited(needed, "reads only"))
    }
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepUpProof {
    /// A passkey was verified.
    #[cfg(feature = "passkeys")]
    Passkey(PasskeyUse),
    /// A second factor, to be used up.
    Code(SecretText),
    /// The password was verified against this hash.
    Password(SecretText),
    /// The password was verified and is wrong.
    Wrong,
}

/// What became of a proof.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProofOutcome {
    /// It holds, from this time on.
    Proven(Timestamp),
    /// It does not; the try is counted.
    Wrong,
    /// Too many were wrong before; nothing was tried.
    Closed(Standing),
}

/// Whoever is signed in has as few tries as a known device, which no stranger uses up.
fn attempt(user: UserId) -> Attempt {
    Attempt::at_user(user).by_known_device(user)
}

/// Notes in the caller's session that they proved who they are. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenewProof {
    pub(crate) proof: StepUpProof,
}

impl Operation for RenewProof {
    const NAME: &'static str = "auth.session.renew_proof";
    const SUMMARY: &'static str = "Notes in a session that its user proved who they are.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ProofOutcome;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RenewProof {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ProofOutcome>, AuthError> {
        let frame = std::sync::Arc::clone(tx.frame());
        let own = *frame.session().ok_or(AccessError::InPerson)?;
        let (user, now) = (own.user, frame.now());
        tx.users()
            .lock_credentials(user)
            .await?
            .ok_or(AuthError::TokenInvalid)?;
        let standing = attempts::may_try(tx, &attempt(user)).await?;
        if standing != Standing::Open {
            return Ok(Outcome::unaudited(
                ProofOutcome::Closed(standing),
                "nothing was tried, and whoever holds a session could fill the log",
            ));
        }
        let second_factor = SetUp::of(tx, user).await?.any();
        let proven = match &self.proof {
            StepUpProof::Wrong => false,
            #[cfg(feature = "passkeys")]
            StepUpProof::Passkey(used) => {
                use_up(tx, used).await?;
                true
            }
            StepUpProof::Code(code) => proof::consume(tx, user, code).await?.is_some(),
            // A second factor that was set up meanwhile is not stepped around.
            StepUpProof::Password(verified) => {
                let stored = tx.users().password_hash(user).await?.map(SecretText::from);
                !second_factor && stored.is_some_and(|stored| stored.ct_eq(verified))
            }
        };
        let entry = AuditEntry::on("session", own.session)
            .with(json!({ "user": user, "second_factor": second_factor }));
        if !proven {
            attempts::record_failure(tx, &attempt(user)).await?;
            return Ok(Outcome::audited(ProofOutcome::Wrong, entry.refused()));
        }
        for _ in 0..MAX_RACES {
            let found = tx.sessions().find(own.session).await?;
            let session = found
                .filter(|session| session.user == user)
                .ok_or(AuthError::TokenInvalid)?;
            if let Some(end) = session.end(now) {
                return Err(AuthError::SessionEnded(end));
            }
            let renewed = Session {
                authenticated_at: now,
                second_factor_at: if second_factor {
                    Some(now)
                } else {
                    session.second_factor_at
                },
                ..session
            };
            match tx.sessions().update(&renewed, renewed.version).await {
                Ok(()) => {
                    attempts::record_success(tx, user).await?;
                    return Ok(Outcome::audited(ProofOutcome::Proven(now), entry));
                }
                Err(error) if error.kind() == StorageErrorKind::Stale => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::new(StorageErrorKind::Contention, "sessions.renew_proof").into())
    }
}
