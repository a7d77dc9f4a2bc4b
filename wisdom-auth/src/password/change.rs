//! Changing a password, with the current one as the proof.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::event::NewEvent;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::{PasswordPolicy, PersonalWords, WeakPassword};
use crate::attempts::{self, Attempt, Standing};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::second_factor::set_up::SetUp;
use crate::session::credentials::credentials_changed;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;
use crate::user::{User, UserState, replace_password_hash};

/// The kind of the event that a password was changed.
pub const CHANGED: &str = "auth.password.changed";

/// How often a change starts over because the user or the hash changed under it (a rehash, for one).
const MAX_CHANGES: usize = 3;

/// Changes the caller's password. All other sessions end, and the user is told by mail.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password that is replaced.
    pub current_password: SecretText,
    /// The new one.
    pub new_password: SecretText,
}

impl Operation for ChangePassword {
    const NAME: &'static str = "auth.password.change";
    const SUMMARY: &'static str = "Changes the caller's password; all other sessions end.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for ChangePassword {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), AuthError> {
        let own = caller.require_session()?;
        let (user, session) = (own.user, own.session);
        let (runner, passwords) = (host.runner(), &host.auth().passwords);
        for _ in 0..MAX_CHANGES {
            let known = runner.on_behalf(caller, &FindOwnPassword { user }).await?;
            known.standing.require_open()?;
            let (Some(owner), Some(hash)) = (known.user, known.hash) else {
                break;
            };
            let verified = passwords
                .verify(self.current_password.clone(), Some(hash.expose().to_owned()))
                .await?;
            if !verified.ok {
                break;
            }
            let replacement = choose(
                host,
                &self.new_password,
                &owner,
                [&hash].into_iter().chain(&known.old),
            )
            .await?;
            let replace = ReplacePassword {
                user,
                session,
                verified: hash,
                replacement,
            };
            if let Some(ended) = runner.on_behalf(caller, &replace).await? {
                host.auth().revocations.revoke(ended, runner.kit().clock.now());
                return Ok(());
            }
        }
        runner
            .on_behalf(caller, &RefuseChange { user })
            .await?
            .require_open()?;
        Err(AuthError::PasswordWrong)
    }
}

/// Whoever is signed in is no stranger, whose failures would stand in the user's way; and has as few tries as a known device.
fn attempt(user: UserId) -> Attempt {
    Attempt::at_user(user).by_known_device(user)
}

/// Checks a password that a user chooses, against the policy and the hashes that must not come back, and hashes it.
///
/// # Errors
/// [`AuthError::PasswordWeak`] with the rule it breaks, or [`AuthError::Hashing`].
pub async fn choose<H: AuthHost>(
    host: &H,
    password: &SecretText,
    user: &User,
    used: impl IntoIterator<Item = &SecretText> + Send,
) -> Result<SecretText, AuthError> {
    let person = PersonalWords {
        email: &user.email,
        display_name: Some(&user.display_name),
    };
    let policy = host.runner().kit().policies.get::<PasswordPolicy>();
    policy.check(password, person)?;
    let passwords = &host.auth().passwords;
    let used: Vec<String> = used.into_iter().map(|hash| hash.expose().to_owned()).collect();
    for hash in used {
        if passwords.verify(password.clone(), Some(hash)).await?.ok {
            return Err(WeakPassword::Reused.into());
        }
    }
    Ok(SecretText::from(passwords.hash(password.clone()).await?))
}

/// Looks up what a change is verified against. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FindOwnPassword {
    user: UserId,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OwnPassword {
    standing: Standing,
    user: Option<User>,
    hash: Option<SecretText>,
    old: Vec<SecretText>,
}

impl Operation for FindOwnPassword {
    const NAME: &'static str = "auth.password.find";
    const SUMMARY: &'static str = "Looks up what a change of a password is verified against.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = OwnPassword;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindOwnPassword {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<OwnPassword>, AuthError> {
        let history = tx.frame().kit().policies.get::<PasswordPolicy>().history();
        let standing = attempts::may_try(tx, &attempt(self.user)).await?;
        // The current password is one fresh proof; where there is a second factor, it has to be fresh too.
        if SetUp::of(tx, self.user).await?.any() {
            require_fresh(tx).await?;
        }
        let user = tx.users().find(self.user).await?;
        let hash = tx.users().password_hash(self.user).await?;
        let old = tx.users().old_password_hashes(self.user, history).await?;
        let found = OwnPassword {
            standing,
            user: user.filter(|user| user.state == UserState::Active),
            hash: hash.map(SecretText::from),
            old: old.into_iter().map(SecretText::from).collect(),
        };
        Ok(Outcome::unaudited(found, "reads only"))
    }
}

/// Puts the new hash in the place of the verified one, and ends all other sessions. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReplacePassword {
    user: UserId,
    session: SessionId,
    verified: SecretText,
    replacement: SecretText,
}

impl Operation for ReplacePassword {
    const NAME: &'static str = ChangePassword::NAME;
    const SUMMARY: &'static str = ChangePassword::SUMMARY;
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// The sessions that ended; nothing when the password is another one meanwhile.
    type Output = Option<Vec<SessionId>>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ReplacePassword {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Option<Vec<SessionId>>>, AuthError> {
        const WHY: &str = "user or password have changed meanwhile, nothing was done";
        let frame = std::sync::Arc::clone(tx.frame());
        let history = frame.kit().policies.get::<PasswordPolicy>().history();
        tx.users().lock_credentials(self.user).await?;
        let Some(user) = tx.users().find(self.user).await? else {
            return Ok(Outcome::unaudited(None, WHY));
        };
        let session = tx.sessions().find(self.session).await?;
        let allowed = user.state == UserState::Active
            && session.is_some_and(|session| session.user == user.id && session.is_live(frame.now()));
        let stored = tx.users().password_hash(self.user).await?.map(SecretText::from);
        if !allowed || !stored.is_some_and(|stored| stored.ct_eq(&self.verified)) {
            return Ok(Outcome::unaudited(None, WHY));
        }
        match replace_password_hash(tx, &user, self.replacement.expose()).await {
            Ok(()) => {}
            Err(error) if error.kind() == StorageErrorKind::Stale => {
                return Ok(Outcome::unaudited(None, WHY));
            }
            Err(error) => return Err(error.into()),
        }
        tx.users()
            .add_old_password_hash(user.id, self.verified.expose(), history)
            .await?;
        let replaced = credentials_changed(tx, user.id, Some(self.session)).await?;
        let entry = AuditEntry::on("user", user.id).with(json!({ "sessions_ended": replaced.ended.len() }));
        let changed = NewEvent::new(CHANGED, user.id, json!({ "user": user.id })).internal();
        let mail = changed_mail(&user, frame.now()).event(&frame, None)?;
        Ok(Outcome::audited(Some(replaced.ended), entry)
            .emit(changed)
            .emit_all(replaced.event)
            .emit(mail))
    }
}

/// The mail that tells a user that their password was changed.
#[must_use]
pub fn changed_mail(user: &User, at: wisdom_core::time::Timestamp) -> MailRequest {
    MailRequest::new(
        user.email.clone(),
        MailCategory::Security,
        "auth.password.changed",
    )
    .with("display_name", user.display_name.as_str())
    .with("at", at.to_string())
}

/// Puts a refused change into the audit log. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RefuseChange {
    user: UserId,
}

impl Operation for RefuseChange {
    const NAME: &'static str = "auth.password.change_refused";
    const SUMMARY: &'static str = "Notes a refused change of a password.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Standing;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RefuseChange {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Standing>, AuthError> {
        let standing = attempts::record_failure(tx, &attempt(self.user)).await?;
        Ok(Outcome::audited(
            standing,
            AuditEntry::on("user", self.user).refused(),
        ))
    }
}
