//! External identities: whom a provider means by a subject, and who that is with us.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, AccessError};
use wisdom_core::event::NewEvent;
use wisdom_core::id::{ExternalIdentityId, UserId};
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::{Effect, Frame};
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::FederationError;
use crate::store::IdentityTx;
use crate::user::User;

/// The kind of the event that an identity was linked to a user.
pub const LINKED: &str = "auth.identity.linked";
/// The kind of the event that an identity was unlinked.
pub const UNLINKED: &str = "auth.identity.unlinked";

/// An account at a provider that lets its user in. Its key is (issuer, subject); the address is an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExternalIdentity {
    /// Id.
    pub id: ExternalIdentityId,
    /// Whom it lets in.
    pub user: UserId,
    /// The name of the provider it was linked through.
    pub provider: String,
    /// Who vouches for it.
    pub issuer: String,
    /// Whom the issuer means.
    pub subject: String,
    /// The verified address the provider gave last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last let its user in.
    pub last_used_at: Timestamp,
}

/// Lists the caller's identities at providers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListIdentities {}

/// Identities, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IdentityList {
    /// The identities.
    pub items: Vec<ExternalIdentity>,
}

impl Operation for ListIdentities {
    const NAME: &'static str = "auth.identity.list";
    const SUMMARY: &'static str = "Lists the caller's identities at providers.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Read;
    type Output = IdentityList;
    type Error = FederationError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ListIdentities {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<IdentityList>, FederationError> {
        let user = tx.frame().session().ok_or(AccessError::Unauthenticated)?.user;
        let items = tx.external_identities().list_of_user(user).await?;
        Ok(Outcome::unaudited(
            IdentityList { items },
            "reads the caller's own",
        ))
    }
}

/// What follows from a new link: the event, and a mail that tells the user about it.
pub(super) fn linked(
    frame: &Frame,
    user: &User,
    identity: &ExternalIdentity,
) -> Result<[NewEvent; 2], StorageError> {
    let data = json!({ "user": user.id, "identity": identity.id, "provider": identity.provider });
    let mail = MailRequest::new(user.email.clone(), MailCategory::Security, "auth.identity.linked")
        .with("provider", identity.provider.as_str())
        .with("at", frame.now().to_string());
    Ok([
        NewEvent::new(LINKED, user.id, data).internal(),
        mail.event(frame, None)?,
    ])
}

/// What follows from an unlinking.
pub(super) fn unlinked(
    frame: &Frame,
    user: &User,
    identity: &ExternalIdentity,
) -> Result<[NewEvent; 2], StorageError> {
    let data = json!({ "user": user.id, "identity": identity.id, "provider": identity.provider });
    let mail = MailRequest::new(
        user.email.clone(),
        MailCategory::Security,
        "auth.identity.unlinked",
    )
    .with("provider", identity.provider.as_str())
    .with("at", frame.now().to_string());
    Ok([
        NewEvent::new(UNLINKED, user.id, data).internal(),
        mail.event(frame, None)?,
    ])
}
