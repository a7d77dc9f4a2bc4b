//! Setting a second factor up, and taking it down. Each change needs a fresh proof, ends all other sessions and is told
//! by mail.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, AccessError};
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::set_up::SetUp;
use super::totp::{TotpCredential, TotpSecret};
use super::{SecondFactorPolicy, recovery};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::session::Session;
use crate::session::credentials::credentials_changed;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};

/// Tells the caller which second factors they have.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorStatus {}

/// The caller's second factors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecondFactors {
    /// Whether codes of an authenticator are asked for at sign-in.
    pub totp: bool,
    /// How many passkeys there are; each is a second factor, too.
    pub passkeys: i64,
    /// Recovery codes that are left.
    pub recovery_codes_left: i64,
}

impl Operation for SecondFactorStatus {
    const NAME: &'static str = "auth.second_factor.status";
    const SUMMARY: &'static str = "Tells the caller which second factors they have.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Read;
    type Output = SecondFactors;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for SecondFactorStatus {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SecondFactors>, AuthError> {
        let user = caller_of(tx)?;
        let set_up = SetUp::of(tx, user).await?;
        let status = SecondFactors {
            totp: set_up.totp,
            passkeys: set_up.passkeys,
            recovery_codes_left: tx.second_factors().count_recovery_codes(user).await?,
        };
        Ok(Outcome::unaudited(status, "reads only"))
    }
}

/// Makes a secret for an authenticator. It protects nothing until [`ConfirmTotp`] shows that the authenticator knows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolTotp {}

/// A secret for an authenticator, shown once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TotpOffer {
    /// The secret in base32, for typing it in.
    pub secret: SecretText,
    /// The URI that goes into a QR code.
    pub uri: SecretText,
}

impl Operation for EnrolTotp {
    const NAME: &'static str = "auth.totp.enrol";
    const SUMMARY: &'static str = "Makes a secret for an authenticator.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = TotpOffer;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for EnrolTotp {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<TotpOffer>, AuthError> {
        let frame = Arc::clone(tx.frame());
        let session = require_fresh(tx).await?;
        tx.users().lock_credentials(session.user).await?;
        let user = tx
            .users()
            .find(session.user)
            .await?
            .ok_or(AuthError::TokenInvalid)?;
        let kit = frame.kit();
        let secret = TotpSecret::generate(&*kit.random)?;
        let offer = TotpCredential {
            user: user.id,
            sealed_secret: secret.seal(user.id, &*kit.sealer)?,
            last_step: 0,
            confirmed_at: None,
            created_at: frame.now(),
        };
        if !tx.second_factors().offer_totp(&offer).await? {
            return Err(AuthError::SecondFactorExists);
        }
        let policy = kit.policies.get::<SecondFactorPolicy>();
        let offer = TotpOffer {
            secret: secret.base32(),
            uri: secret.uri(policy.issuer_name(), user.email.as_str()),
        };
        Ok(Outcome::audited(offer, AuditEntry::on("user", user.id)))
    }
}

/// Recovery codes, shown once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryCodes {
    /// The codes; each works once in place of the authenticator's.
    pub recovery_codes: Vec<SecretText>,
}

/// What a change of second factors left behind, for the flow that made it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Changed {
    codes: Vec<SecretText>,
    ended: Vec<SessionId>,
}

/// Begins to ask for the codes of the authenticator, by the first one. That code cannot be used to sign in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmTotp {
    /// Six digits of the authenticator.
    pub code: SecretText,
}

impl Operation for ConfirmTotp {
    const NAME: &'static str = "auth.totp.confirm";
    const SUMMARY: &'static str = "Begins to ask for the codes of the authenticator.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = RecoveryCodes;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for ConfirmTotp {
    async fn run(&self, host: &H, caller: &Caller) -> Result<RecoveryCodes, AuthError> {
        let user = caller.require_session()?.user;
        throttle::user(host, user, Throttle::SecondFactor).await?;
        let change = Change::Confirm(self.code.clone());
        run_change(host, caller, change).await
    }
}

/// Stops asking for the codes of the authenticator, and voids the recovery codes unless there are passkeys.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableTotp {}

impl Operation for DisableTotp {
    const NAME: &'static str = "auth.totp.disable";
    const SUMMARY: &'static str = "Stops asking for the codes of the authenticator.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for DisableTotp {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), AuthError> {
        run_change(host, caller, Change::Disable).await.map(|_| ())
    }
}

/// Makes new recovery codes; the old ones are void.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewRecoveryCodes {}

impl Operation for RenewRecoveryCodes {
    const NAME: &'static str = "auth.recovery_codes.renew";
    const SUMMARY: &'static str = "Makes new recovery codes.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = RecoveryCodes;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for RenewRecoveryCodes {
    async fn run(&self, host: &H, caller: &Caller) -> Result<RecoveryCodes, AuthError> {
        run_change(host, caller, Change::RenewCodes).await
    }
}

/// Forgets all devices on which the caller need not prove the second factor.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgetDevices {}

impl Operation for ForgetDevices {
    const NAME: &'static str = "auth.remembered_devices.forget";
    const SUMMARY: &'static str = "Forgets all devices on which the second factor is not asked for.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ForgetDevices {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let user = caller_of(tx)?;
        tx.remembered_devices().delete_all(user).await?;
        Ok(Outcome::audited((), AuditEntry::on("user", user)))
    }
}

fn caller_of<Tx: IdentityTx + ?Sized>(tx: &mut Tx) -> Result<UserId, AuthError> {
    let own = tx.frame().session().ok_or(AccessError::InPerson)?;
    Ok(own.user)
}

async fn run_change<H: AuthHost>(
    host: &H,
    caller: &Caller,
    change: Change,
) -> Result<RecoveryCodes, AuthError> {
    let runner = host.runner();
    let changed = runner.on_behalf(caller, &ChangeSecondFactor { change }).await?;
    host.auth()
        .revocations
        .revoke(changed.ended, runner.kit().clock.now());
    Ok(RecoveryCodes {
        recovery_codes: changed.codes,
    })
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Change {
    Confirm(SecretText),
    Disable,
    RenewCodes,
}

/// Changes the caller's second factors, in one unit of work. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSecondFactor {
    change: Change,
}

impl Operation for ChangeSecondFactor {
    const NAME: &'static str = "auth.second_factor.change";
    const SUMMARY: &'static str = "Changes the caller's second factors.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Changed;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ChangeSecondFactor {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Changed>, AuthError> {
        let frame = Arc::clone(tx.frame());
        let now = frame.now();
        let user = caller_of(tx)?;
        // Before the session is read: of two changes at the same moment the later one sees what the earlier one did.
        tx.users().lock_credentials(user).await?;
        let session = require_fresh(tx).await?;
        let person = tx.users().find(user).await?.ok_or(AuthError::TokenInvalid)?;
        let totp = tx.second_factors().totp(user).await?;
        let confirmed = totp.as_ref().is_some_and(|totp| totp.confirmed_at.is_some());
        let (template, codes) = match &self.change {
            Change::Confirm(_) if confirmed => return Err(AuthError::SecondFactorExists),
            Change::Confirm(code) => {
                let totp = totp.ok_or(AuthError::SecondFactorInvalid)?;
                let secret = TotpSecret::open(user, &totp.sealed_secret, &*frame.kit().sealer)?;
                let step = secret
                    .matching_step(code.expose().trim(), now, totp.last_step)
                    .ok_or(AuthError::SecondFactorInvalid)?;
                if !tx.second_factors().confirm_totp(user, step, now).await? {
                    return Err(AuthError::SecondFactorInvalid);
                }
                let proven = Session {
                    second_factor_at: Some(now),
                    ..session.clone()
                };
                prove(tx, proven).await?;
                ("auth.second_factor.enabled", new_codes(tx, user).await?)
            }
            Change::Disable if !confirmed => return Err(AuthError::SecondFactorMissing),
            Change::Disable => {
                tx.second_factors().delete_totp(user).await?;
                void_unneeded_codes(tx, user).await?;
                ("auth.second_factor.disabled", Vec::new())
            }
            Change::RenewCodes if !SetUp::of(tx, user).await?.any() => {
                return Err(AuthError::SecondFactorMissing);
            }
            Change::RenewCodes => (
                "auth.second_factor.recovery_codes_renewed",
                new_codes(tx, user).await?,
            ),
        };
        let changed = credentials_changed(tx, user, Some(session.id)).await?;
        let mail = MailRequest::new(person.email, MailCategory::Security, template)
            .with("at", now.to_string())
            .event(&frame, None)?;
        let details = json!({ "what": template, "sessions_ended": changed.ended.len() });
        let done = Changed {
            codes,
            ended: changed.ended,
        };
        Ok(Outcome::audited(done, AuditEntry::on("user", user).with(details))
            .emit(mail)
            .emit_all(changed.event))
    }
}

/// Voids the recovery codes of a user whose last second factor was removed.
pub(crate) async fn void_unneeded_codes<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    user: UserId,
) -> Result<(), AuthError> {
    if SetUp::of(tx, user).await?.any() {
        return Ok(());
    }
    let now = tx.frame().now();
    tx.second_factors().replace_recovery_codes(user, &[], now).await?;
    Ok(())
}

/// A refresh may have changed the session meanwhile: then the whole starts over.
pub(crate) async fn prove<Tx: IdentityTx + ?Sized>(tx: &mut Tx, session: Session) -> Result<(), AuthError> {
    match tx.sessions().update(&session, session.version).await {
        Err(error) if error.kind() == StorageErrorKind::Stale => {
            Err(StorageError::new(StorageErrorKind::Contention, "sessions.prove").into())
        }
        result => Ok(result?),
    }
}

/// New recovery codes in place of all others.
pub(crate) async fn new_codes<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    user: UserId,
) -> Result<Vec<SecretText>, AuthError> {
    let frame = Arc::clone(tx.frame());
    let mut shown = Vec::with_capacity(recovery::COUNT);
    let mut hashes = Vec::with_capacity(recovery::COUNT);
    for _ in 0..recovery::COUNT {
        let (code, hash) = recovery::generate(user, &*frame.kit().random)?;
        shown.push(code);
        hashes.push(hash);
    }
    tx.second_factors()
        .replace_recovery_codes(user, &hashes, frame.now())
        .await?;
    Ok(shown)
}
