//! Whether members may work in a tenant.

use wisdom_core::access::{AccessError, Role};

use super::TenantState;
use crate::error::TenancyError;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_active_tenants_admit() {
        for role in Role::ALL {
            assert!(TenantState::Active.admit(role).is_ok());
            assert!(matches!(
                TenantState::Suspended.admit(role),
                Err(TenancyError::TenantSuspended)
            ));
        }
        assert!(matches!(
            TenantState::DeletionPending.admit(Role::Owner),
            Err(TenancyError::TenantDeleting)
        ));
        assert!(matches!(
            TenantState::DeletionPending.admit(Role::Admin),
            Err(TenancyError::Access(AccessError::NotTenant))
        ));
    }
}
