//! Taking users in from elsewhere, each in a unit of work of its own.

use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{IdSourceExt as _, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::{DisplayName, EmailAddress};

use super::line::{LineProblem, UserFormat};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::store::IdentityTx;
use crate::user::{User, UserState, created};

/// Why a line gave no user.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The line is not right. The next ones can be.
    #[error(transparent)]
    Line(#[from] LineProblem),
    /// It could not be stored, and so will the next ones.
    #[error(transparent)]
    Failed(#[from] AuthError),
}

/// Takes in the user of one line. A line that is refused leaves nothing behind.
///
/// # Errors
/// [`ImportError`].
pub async fn import_line<H: AuthHost>(
    host: &H,
    caller: &Caller,
    format: &UserFormat,
    line: &str,
) -> Result<UserId, ImportError> {
    let read = format.read(line)?;
    if let Some(hash) = &read.hash
        && !host.auth().passwords.can_verify(hash.expose())
    {
        return Err(LineProblem::new(
            "password_hash",
            "is of no kind that can be verified, or asks for more than the bounds",
        )
        .into());
    }
    let import = ImportUser {
        email: read.email,
        display_name: read.display_name,
        verified: read.verified,
        disabled: read.disabled,
        password_hash: read.hash,
    };
    let added = host.runner().on_behalf(caller, &import).await?;
    added.ok_or_else(|| LineProblem::new("email", "belongs to a user already").into())
}

/// Adds a user with a hash from elsewhere. Internal: the hash has been checked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImportUser {
    email: EmailAddress,
    display_name: DisplayName,
    verified: bool,
    disabled: bool,
    password_hash: Option<SecretText>,
}

impl Operation for ImportUser {
    const NAME: &'static str = "auth.user.import";
    const SUMMARY: &'static str = "Adds a user from another service's export.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// Nobody when the address is taken.
    type Output = Option<UserId>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ImportUser {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Option<UserId>>, AuthError> {
        const TAKEN: &str = "the address is taken, nothing was done";
        let frame = std::sync::Arc::clone(tx.frame());
        let now = frame.now();
        let user = User {
            id: frame.kit().ids.id(),
            email: self.email.clone(),
            email_verified_at: self.verified.then_some(now),
            display_name: self.display_name.clone(),
            state: if self.disabled {
                UserState::Disabled
            } else {
                UserState::Active
            },
            created_at: now,
            version: 1,
        };
        match tx.users().insert(&user).await {
            Ok(()) => {}
            Err(error) if error.violates(Constraint::USER_EMAIL) => {
                return Ok(Outcome::unaudited(None, TAKEN));
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(hash) = &self.password_hash {
            tx.users().set_password_hash(user.id, hash.expose(), now).await?;
        }
        let entry = AuditEntry::on("user", user.id).with(serde_json::json!({ "what": "imported" }));
        Ok(Outcome::audited(Some(user.id), entry).emit(created(&user)))
    }
}
