//! Giving users out, page by page, in the form that the import reads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::line::UserLine;
use crate::error::AuthError;
use crate::store::IdentityTx;
use crate::user::UserState;

/// Users of one page.
const PAGE: u32 = 200;

/// Gives out the next users in the order of their ids. Operators only: run it through the runner.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportUsers {
    /// The last user of the page before.
    #[serde(default)]
    pub after: Option<UserId>,
    /// Whether to give out the hashes of passwords too.
    #[serde(default)]
    pub hashes: bool,
}

/// A page of users.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ExportedUsers {
    /// The lines.
    #[schemars(skip)]
    pub lines: Vec<UserLine>,
    /// The last user, to go on after; nothing behind the last page.
    pub last: Option<UserId>,
}

impl Operation for ExportUsers {
    const NAME: &'static str = "auth.user.export";
    const SUMMARY: &'static str = "Gives out users, for a move to another service.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ExportedUsers;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ExportUsers {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ExportedUsers>, AuthError> {
        let users = tx.users().page(self.after, PAGE).await?;
        let mut page = ExportedUsers::default();
        for user in users {
            let hash = if self.hashes {
                tx.users().password_hash(user.id).await?
            } else {
                None
            };
            page.last = Some(user.id);
            page.lines.push(UserLine {
                email: user.email.as_str().to_owned(),
                email_verified: user.email_verified_at.is_some(),
                display_name: Some(user.display_name.as_str().to_owned()),
                disabled: user.state == UserState::Disabled,
                password_hash: hash.map(SecretText::from),
            });
        }
        if page.lines.is_empty() {
            return Ok(Outcome::unaudited(page, "there was nobody left to give out"));
        }
        let details = serde_json::json!({ "users": page.lines.len(), "hashes": self.hashes });
        Ok(Outcome::audited(
            page,
            AuditEntry::on("users", "all").with(details),
        ))
    }
}
