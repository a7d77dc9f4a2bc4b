//! Who calls, and for which tenant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{AccessError, Grants, Permission, Role};
use crate::id::{ApiKeyId, ClientId, TenantId, UserId};
use crate::trace::RequestInfo;

pub use crate::principal::{Credential, Principal, UserSession};

/// Whom audit blames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// A user.
    User(UserId),
    /// An API key. If it is a personal one, its owner is named beside it.
    ApiKey(ApiKeyId),
    /// A service with credentials of its own.
    Client(ClientId),
    /// An operator of the service. For whom they acted is named beside them.
    Operator(UserId),
    /// Nobody who signed in.
    Anonymous,
    /// The service itself.
    System,
}

/// A membership that was read from storage (or a cache kept true by events) for this call.
///
/// `attested` is one of the places to look at in a review of tenant isolation: whoever calls it states that the user
/// is a member of the tenant now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedMembership {
    tenant: TenantId,
    user: UserId,
    grants: Grants,
}

impl VerifiedMembership {
    /// States that the user is a member of the active tenant with these grants.
    #[must_use]
    pub const fn attested(tenant: TenantId, user: UserId, grants: Grants) -> Self {
        Self { tenant, user, grants }
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What the member may do.
    #[must_use]
    pub const fn grants(&self) -> &Grants {
        &self.grants
    }
}

/// The scope of all tenant work: without one there is nothing to call.
///
/// There are three ways to get one: from a verified membership, from a credential that is the tenant's own, and for the
/// row of a job or event that the service itself works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantContext {
    tenant: TenantId,
    actor: Actor,
    principal: Option<Principal>,
    grants: Grants,
    request: RequestInfo,
}

impl TenantContext {
    /// For a member's request, whatever credential stands for the member. What the credential allows at most cuts what
    /// the member holds.
    ///
    /// # Errors
    /// [`AccessError::NotTenant`] when the membership is another user's, or the credential is bound to another tenant.
    pub fn from_membership(
        membership: VerifiedMembership,
        principal: Principal,
        request: RequestInfo,
    ) -> Result<Self, AccessError> {
        let bound_elsewhere = principal.tenant.is_some_and(|bound| bound != membership.tenant);
        if principal.user() != Some(membership.user) || bound_elsewhere {
            return Err(AccessError::NotTenant);
        }
        let grants = match &principal.ceiling {
            None => membership.grants,
            Some(ceiling) => membership.grants.within(ceiling),
        };
        Ok(Self {
            tenant: membership.tenant,
            actor: principal.actor(),
            principal: Some(principal),
            grants,
            request,
        })
    }

    /// For a credential that is the tenant's own and no user's: it holds what was granted to it. One of the places to
    /// look at in a review of tenant isolation.
    ///
    /// # Errors
    /// [`AccessError::NotTenant`] when it is a user's, is not bound to a tenant, or was granted nothing.
    pub fn of_service(principal: Principal, request: RequestInfo) -> Result<Self, AccessError> {
        match (principal.user(), principal.tenant, &principal.ceiling) {
            (None, Some(tenant), Some(ceiling)) => Ok(Self {
                tenant,
                actor: principal.actor(),
                grants: ceiling.clone(),
                principal: Some(principal),
                request,
            }),
            _ => Err(AccessError::NotTenant),
        }
    }

    /// For work the service does on a row it claimed: the tenant is the row's.
    #[must_use]
    pub const fn for_claimed_row(tenant: TenantId, request: RequestInfo) -> Self {
        Self {
            tenant,
            actor: Actor::System,
            principal: None,
            grants: Grants::of_role(Role::Owner),
            request,
        }
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whom audit blames.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// The authenticated identity, unless the service itself is at work.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// What the caller may do here.
    #[must_use]
    pub const fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The request it belongs to.
    #[must_use]
    pub const fn request(&self) -> &RequestInfo {
        &self.request
    }

    /// Refuses a caller without the permission.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`].
    pub fn require(&self, permission: Permission) -> Result<(), AccessError> {
        if self.grants.allows(permission) {
            Ok(())
        } else {
            Err(AccessError::Forbidden {
                permission: permission.name(),
            })
        }
    }
}

/// Why the service works outside of any tenant. Each reason is a constant, so that all of them can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SystemReason(pub &'static str);

/// The scope of work outside of any tenant: identity, and the service's own workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemContext {
    reason: SystemReason,
    actor: Actor,
    principal: Option<Principal>,
    request: RequestInfo,
}

impl SystemContext {
    /// For a worker of the service.
    #[must_use]
    pub const fn worker(reason: SystemReason, request: RequestInfo) -> Self {
        Self {
            reason,
            actor: Actor::System,
            principal: None,
            request,
        }
    }

    /// For a public or authenticated operation, on behalf of whoever calls.
    #[must_use]
    pub fn on_behalf(reason: SystemReason, principal: Option<Principal>, request: RequestInfo) -> Self {
        let actor = principal.as_ref().map_or(Actor::Anonymous, Principal::actor);
        Self {
            reason,
            actor,
            principal,
            request,
        }
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> SystemReason {
        self.reason
    }

    /// Whom audit blames.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// The signed-in caller, if any.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// The request it belongs to.
    #[must_use]
    pub const fn request(&self) -> &RequestInfo {
        &self.request
    }
}

/// Who calls an operation, as the edge found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody who signed in.
    Anonymous(RequestInfo),
    /// Whoever a credential speaks for, outside of any tenant.
    Authenticated(Principal, RequestInfo),
    /// A member in their tenant.
    Tenant(TenantContext),
    /// The service itself.
    System(SystemReason, RequestInfo),
}

impl Caller {
    /// The request it belongs to.
    #[must_use]
    pub const fn request(&self) -> &RequestInfo {
        match self {
            Self::Anonymous(request) | Self::Authenticated(_, request) | Self::System(_, request) => request,
            Self::Tenant(context) => context.request(),
        }
    }

    /// The authenticated identity, if any.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Authenticated(principal, _) => Some(principal),
            Self::Tenant(context) => context.principal(),
            Self::Anonymous(_) | Self::System(..) => None,
        }
    }

    /// The context of the tenant, if the call is for one.
    #[must_use]
    pub const fn tenant(&self) -> Option<&TenantContext> {
        match self {
            Self::Tenant(context) => Some(context),
            _ => None,
        }
    }

    /// The signed-in identity, or the refusal.
    ///
    /// # Errors
    /// [`AccessError::Unauthenticated`].
    pub fn require_principal(&self) -> Result<&Principal, AccessError> {
        self.principal().ok_or(AccessError::Unauthenticated)
    }

    /// The user who is there in a session of their own, or the refusal.
    ///
    /// # Errors
    /// [`AccessError::Unauthenticated`] for nobody, [`AccessError::InPerson`] for a key, a service or an operator acting
    /// for the user.
    pub fn require_session(&self) -> Result<&UserSession, AccessError> {
        self.require_principal()?.session().ok_or(AccessError::InPerson)
    }
}
