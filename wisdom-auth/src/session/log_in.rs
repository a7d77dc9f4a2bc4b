//! Signing in with a password.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::UserId;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::unit_of_work::{Effect, Frame};
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::sign_in::{Proof, SignIn, SignInOutcome, SignedIn};
use super::start::label;
use crate::attempts::{self, Attempt, Standing, device};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::second_factor;
use crate::store::IdentityTx;
use crate::user::{self, UserState};

/// How often a password is verified again because its hash changed under the sign-in.
const MAX_CHANGES: usize = 3;

/// Signs in with address and password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The address.
    pub email: EmailAddress,
    /// The password.
    pub password: SecretText,
    /// What the client calls itself, and the session is called in the list of sessions, such as the device; at most 200
    /// characters are kept. Over HTTP it is the header `User-Agent` unless given.
    #[serde(default)]
    pub device: Option<String>,
    /// The token of a remembered device, on which the second factor need not be proven again.
    #[serde(default)]
    pub remembered_device: Option<SecretText>,
    /// The token of a device that was remembered: failures of others do not stand in its way.
    #[serde(default)]
    pub device_token: Option<SecretText>,
    /// Whether to remember this device: the answer then carries a token to present next time, unless it presented one.
    #[serde(default)]
    pub remember_device: bool,
}

impl Operation for LogIn {
    const NAME: &'static str = "auth.session.log_in";
    const SUMMARY: &'static str = "Signs in with e-mail address and password.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = SignedIn;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for LogIn {
    async fn run(&self, host: &H, caller: &Caller) -> Result<SignedIn, AuthError> {
        let (runner, passwords) = (host.runner(), &host.auth().passwords);
        let mut door = Door {
            email: self.email.clone(),
            user: None,
            known_device: false,
        };
        for _ in 0..MAX_CHANGES {
            let lookup = FindCredentials {
                email: self.email.clone(),
                device_token: self.device_token.clone(),
                remembered_device: self.remembered_device.clone(),
            };
            let known = runner.on_behalf(caller, &lookup).await?;
            known.standing.require_open()?;
            door.user = known.user;
            door.known_device = known.known_device;
            let phc = known.hash.as_ref().map(|hash| hash.expose().to_owned());
            let verified = passwords.verify(self.password.clone(), phc).await?;
            let (Some(user), Some(hash), true, true) =
                (known.user, known.hash.clone(), known.active, verified.ok)
            else {
                break;
            };
            // Tries at the same moment may have used up what was left: then this one is refused like them.
            let still = StillOpen { door: door.clone() };
            runner.on_behalf(caller, &still).await?.require_open()?;
            let wish = SignIn {
                user,
                proof: Proof::Password,
                label: self.device.clone().unwrap_or_default(),
                tenant: None,
                verified_hash: Some(hash.clone()),
                remembered_device: self.remembered_device.clone(),
            };
            let outcome = runner.on_behalf(caller, &wish).await?;
            if !matches!(outcome, SignInOutcome::Refused) {
                if verified.needs_rehash {
                    self.rehash(host, caller, user, hash).await;
                }
                let mut answer = SignedIn::answer(host, outcome)?;
                // A password alone is no proof where the second factor is asked for.
                if let SignedIn::Session(pair) = &mut answer {
                    pair.device_token = self.note(host, caller, user, known).await;
                }
                return Ok(answer);
            }
        }
        runner
            .on_behalf(caller, &RefuseLogIn { door })
            .await?
            .require_open()?;
        Err(AuthError::CredentialsInvalid)
    }
}

impl LogIn {
    /// Remembers the device, and tells the user of a new one. Sign-in has succeeded and does not
    /// depend on it.
    async fn note<H: AuthHost>(
        &self,
        host: &H,
        caller: &Caller,
        user: UserId,
        known: Credentials,
    ) -> Option<SecretText> {
        let note = NoteSignIn {
            user,
            label: self.device.clone().unwrap_or_default(),
            device: known.device,
            remember: self.remember_device,
        };
        if !(known.worth_noting || (note.remember && note.device.is_none())) {
            return None;
        }
        host.runner()
            .on_behalf(caller, &note)
            .await
            .inspect_err(|error| tracing::warn!(%user, %error, "a sign-in could not be noted"))
            .ok()
            .flatten()
    }

    /// Brings the hash to today's cost. Sign-in has succeeded and does not depend on it.
    async fn rehash<H: AuthHost>(&self, host: &H, caller: &Caller, user: UserId, verified: SecretText) {
        let done = async {
            let replacement = SecretText::from(host.auth().passwords.hash(self.password.clone()).await?);
            host.runner()
                .on_behalf(
                    caller,
                    &RehashPassword {
                        user,
                        verified,
                        replacement,
                    },
                )
                .await
        };
        if let Err(error) = done.await {
            tracing::warn!(%user, %error, "a password hash could not be brought to today's cost");
        }
    }
}

/// At whose credentials a sign-in tries, and how.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Door {
    email: EmailAddress,
    user: Option<UserId>,
    known_device: bool,
}

impl Door {
    fn attempt(&self, frame: &Frame) -> Attempt {
        let attempt = Attempt::at_address(&self.email, self.user).from_source(frame.request().source);
        match self.user {
            Some(user) if self.known_device => attempt.by_known_device(user),
            _ => attempt,
        }
    }
}

/// Looks up what a sign-in is verified against. Internal; the same reads for an unknown address as for a known one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FindCredentials {
    email: EmailAddress,
    device_token: Option<SecretText>,
    remembered_device: Option<SecretText>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Credentials {
    standing: Standing,
    known_device: bool,
    user: Option<UserId>,
    active: bool,
    hash: Option<SecretText>,
    /// The hash of the device's token, if it is one of the user's.
    device: Option<[u8; 32]>,
    /// Whether there is something to write down after a sign-in.
    worth_noting: bool,
}

impl Operation for FindCredentials {
    const NAME: &'static str = "auth.session.find_credentials";
    const SUMMARY: &'static str = "Looks up what a sign-in is verified against.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Credentials;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindCredentials {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Credentials>, AuthError> {
        let frame = Arc::clone(tx.frame());
        let user = tx.users().find_by_email(&self.email).await?;
        let known = user.as_ref().map(|user| user.id);
        // Nobody has the nil id; the reads take their time nevertheless.
        let id = known.unwrap_or(UserId::from_uuid(Uuid::nil()));
        let hash = tx.users().password_hash(id).await?;
        let device = match &self.device_token {
            Some(token) => device::find(tx, token, known).await?,
            None => None,
        };
        let door = Door {
            email: self.email.clone(),
            user: known,
            known_device: device.is_some()
                || second_factor::device::is_of(tx, self.remembered_device.as_ref(), id).await?,
        };
        let standing = attempts::may_try(tx, &door.attempt(&frame)).await?;
        let devices = device::count(tx, id).await?;
        let worth_noting = match &device {
            Some(device) => device::is_touch_due(device, frame.now()),
            None => devices > 0,
        };
        let credentials = Credentials {
            standing,
            known_device: door.known_device,
            user: known,
            active: user.is_some_and(|user| user.state == UserState::Active),
            hash: hash.map(SecretText::from),
            device: device.map(|device| device.hash),
            worth_noting,
        };
        Ok(Outcome::unaudited(credentials, "reads only"))
    }
}

/// Whether a sign-in whose password is right is not too late. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StillOpen {
    door: Door,
}

impl Operation for StillOpen {
    const NAME: &'static str = "auth.session.still_open";
    const SUMMARY: &'static str = "Tells whether a sign-in may still be tried.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Standing;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for StillOpen {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Standing>, AuthError> {
        let attempt = self.door.attempt(tx.frame());
        let standing = attempts::may_try(tx, &attempt).await?;
        Ok(Outcome::unaudited(standing, "reads only"))
    }
}

/// Counts a refused sign-in and puts it into the audit log, for unknown addresses as well. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RefuseLogIn {
    door: Door,
}

impl Operation for RefuseLogIn {
    const NAME: &'static str = "auth.session.log_in_refused";
    const SUMMARY: &'static str = "Notes a refused sign-in.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// Whether it was counted, or came when the door was closed.
    type Output = Standing;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RefuseLogIn {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Standing>, AuthError> {
        let attempt = self.door.attempt(tx.frame());
        let standing = attempts::record_failure(tx, &attempt).await?;
        let who = self
            .door
            .user
            .map_or_else(|| "unknown".to_owned(), |user| user.to_string());
        Ok(Outcome::audited(standing, AuditEntry::on("user", who).refused()))
    }
}

/// Writes down what follows from a sign-in that succeeded. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoteSignIn {
    user: UserId,
    label: String,
    device: Option<[u8; 32]>,
    remember: bool,
}

impl Operation for NoteSignIn {
    const NAME: &'static str = "auth.session.note_sign_in";
    const SUMMARY: &'static str = "Remembers the device of a sign-in and tells the user of a new one.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// The token of a device that is remembered from now on.
    type Output = Option<SecretText>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for NoteSignIn {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Option<SecretText>>, AuthError> {
        const WHY: &str = "bookkeeping of a sign-in, which was audited when its session began";
        let frame = Arc::clone(tx.frame());
        if let Some(device) = &self.device {
            tx.devices().touch(device, frame.now()).await?;
            return Ok(Outcome::unaudited(None, WHY));
        }
        let Some(user) = tx.users().find(self.user).await? else {
            return Ok(Outcome::unaudited(None, WHY));
        };
        // The first device of all is no news, and where no client remembers any there is none to compare with.
        let others = device::count(tx, self.user).await?;
        let token = if self.remember {
            Some(device::remember(tx, self.user).await?)
        } else {
            None
        };
        let entry =
            AuditEntry::on("user", self.user).with(serde_json::json!({ "remembered": self.remember }));
        let outcome = Outcome::audited(token, entry);
        if others == 0 {
            return Ok(outcome);
        }
        let source = frame.request().source;
        let source = source.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
        let mail = MailRequest::new(user.email, MailCategory::Security, "auth.session.new_device")
            .with("display_name", user.display_name.as_str())
            .with("session_label", label(&self.label))
            .with("address", source)
            .with("at", frame.now().to_string());
        Ok(outcome.emit(mail.event(&frame, None)?))
    }
}

/// Replaces a verified password's hash by one of today's cost. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RehashPassword {
    user: UserId,
    verified: SecretText,
    replacement: SecretText,
}

impl Operation for RehashPassword {
    const NAME: &'static str = "auth.password.rehash";
    const SUMMARY: &'static str = "Brings a password's hash to today's cost.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = bool;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RehashPassword {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<bool>, AuthError> {
        let changed = || Outcome::unaudited(false, "the password has changed meanwhile, nothing was done");
        let Some(known) = tx.users().find(self.user).await? else {
            return Ok(changed());
        };
        let stored = tx.users().password_hash(self.user).await?.map(SecretText::from);
        if !stored.is_some_and(|stored| stored.ct_eq(&self.verified)) {
            return Ok(changed());
        }
        match user::replace_password_hash(tx, &known, self.replacement.expose()).await {
            Ok(()) => {
                let entry = AuditEntry::on("user", self.user).with(serde_json::json!({ "what": "rehashed" }));
                Ok(Outcome::audited(true, entry))
            }
            Err(error) if error.kind() == StorageErrorKind::Stale => Ok(changed()),
            Err(error) => Err(error.into()),
        }
    }
}
