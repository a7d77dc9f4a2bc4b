//! Operators acting for a member of a tenant: begun with a reason and a fresh second factor, told to the tenant's owners,
//! short, and ended early by the operator or with their session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_auth::impersonation::{Impersonation, ImpersonationPolicy};
use wisdom_core::access::AccessError;
use wisdom_core::id::{ImpersonationId, TenantId, UserId};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Frame;

mod end;
mod error;
mod find;
mod list;
mod owners;
mod request;
mod start;
mod wish;

pub use end::EndImpersonation;
pub use error::ImpersonationError;
pub use find::{FindImpersonation, FoundImpersonation};
pub use list::{ImpersonationList, ListImpersonations};
pub use start::{StartImpersonation, StartedImpersonation};

use crate::store::OnboardingTx;

/// An impersonation as its operator sees it, never with its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImpersonationView {
    /// Which.
    pub impersonation: ImpersonationId,
    /// The operator.
    pub operator: UserId,
    /// For whom.
    pub user: UserId,
    /// Where.
    pub tenant: TenantId,
    /// Why.
    pub reason: String,
    /// Whether anything but reading is allowed.
    pub write: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it was ended, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl From<Impersonation> for ImpersonationView {
    fn from(it: Impersonation) -> Self {
        Self {
            impersonation: it.id,
            operator: it.operator,
            user: it.subject,
            tenant: it.tenant,
            reason: it.reason,
            write: it.may_write,
            started_at: it.started_at,
            expires_at: it.expires_at,
            ended_at: it.ended_at,
        }
    }
}

/// The caller as an operator, and whether they may change things. To everybody else there is no such thing.
async fn operator<Tx: OnboardingTx + ?Sized>(
    tx: &mut Tx,
    frame: &Frame,
) -> Result<(UserId, bool), ImpersonationError> {
    let own = frame.session().ok_or(AccessError::InPerson)?;
    let user = tx
        .users()
        .find(own.user)
        .await?
        .ok_or(ImpersonationError::NotFound)?;
    let policy = frame.kit().policies.get::<ImpersonationPolicy>();
    let may_write = policy.grant(&user).ok_or(ImpersonationError::NotFound)?;
    Ok((user.id, may_write))
}
