//! Who the caller is, from the access token and the tenant context alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::{Access, Role};
use wisdom_core::catalogue::Host;
use wisdom_core::context::Caller;
use wisdom_core::id::{SessionId, TenantId, UserId};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation};

use crate::error::AuthError;

/// Tells the caller who they are. Touches no storage.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Me {}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// The tenant the call is for, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantIdentity>,
}

/// What the caller is in the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantIdentity {
    /// The tenant.
    pub id: TenantId,
    /// The caller's role there.
    pub role: Role,
}

impl Operation for Me {
    const NAME: &'static str = "auth.me";
    const SUMMARY: &'static str = "Tells the caller who they are.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Read;
    type Output = Identity;
    type Error = AuthError;
}

impl<H: Host> Flow<H> for Me {
    async fn run(&self, _host: &H, caller: &Caller) -> Result<Identity, AuthError> {
        let principal = caller.require_principal()?;
        let session = caller.require_session()?;
        Ok(Identity {
            user: session.user,
            session: session.session,
            authenticated_at: principal.authenticated_at,
            tenant: caller.tenant().map(|context| TenantIdentity {
                id: context.tenant(),
                role: context.grants().role(),
            }),
        })
    }
}
