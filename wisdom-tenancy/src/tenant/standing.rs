//! From what a user is in a tenant to what they may do there now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::{Access, AccessError, Grants, Role};
use wisdom_core::context::VerifiedMembership;
use wisdom_core::id::{TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::Slug;

use super::{Standing, TenantState};
use crate::error::TenancyError;
use crate::store::OnboardingTx;

impl TenantState {
    /// Whether members may work in a tenant of this state.
    ///
    /// # Errors
    /// [`TenancyError::TenantSuspended`]; [`TenancyError::TenantDeleting`] for owners, while for all others a tenant
    /// that is being deleted does not exist any more.
    pub fn admit(self, role: Role) -> Result<(), TenancyError> {
        match self {
            Self::Active => Ok(()),
            Self::Suspended => Err(TenancyError::TenantSuspended),
            Self::DeletionPending if role == Role::Owner => Err(TenancyError::TenantDeleting),
            Self::DeletionPending => Err(AccessError::NotTenant.into()),
        }
    }
}

impl Standing {
    /// The membership that a tenant context is made from. `user` is whom the standing was read for.
    ///
    /// # Errors
    /// As [`TenantState::admit`].
    pub fn attest(&self, user: UserId) -> Result<VerifiedMembership, TenancyError> {
        self.tenant.state.admit(self.role)?;
        Ok(VerifiedMembership::attested(self.tenant.id, user, Grants::of_role(self.role)))
    }
}

/// Finds out what a user is in a tenant: the edge's way to a tenant context. Not for clients.
///
/// By id or by slug; with both, they must name the same tenant. `None` for whoever is no member, whether or not the
/// tenant exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindStanding {
    /// The user.
    pub user: UserId,
    /// The tenant's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The tenant's slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
}

impl Operation for FindStanding {
    const NAME: &'static str = "tenancy.standing.find";
    const SUMMARY: &'static str = "Find out what a user is in a tenant.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Option<Standing>;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for FindStanding {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Option<Standing>>, TenancyError> {
        let by_slug = match &self.slug {
            None => None,
            Some(slug) => match tx.tenants().find_by_slug(slug).await? {
                None => return Ok(Outcome::unaudited(None, "reads only")),
                Some(tenant) => Some(tenant.id),
            },
        };
        let named = match (self.tenant, by_slug) {
            (Some(id), Some(other)) if id != other => None,
            (id, slug) => id.or(slug),
        };
        let standing = match named {
            None => None,
            Some(id) => tx.tenants().standing(id, self.user).await?,
        };
        Ok(Outcome::unaudited(standing, "reads only"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_active_tenants_admit() {
        for role in Role::ALL {
            assert!(TenantState::Active.admit(role).is_ok());
            assert!(matches!(TenantState::Suspended.admit(role), Err(TenancyError::TenantSuspended)));
        }
        assert!(matches!(TenantState::DeletionPending.admit(Role::Owner), Err(TenancyError::TenantDeleting)));
        assert!(matches!(
            TenantState::DeletionPending.admit(Role::Admin),
            Err(TenancyError::Access(AccessError::NotTenant))
        ));
    }
}
