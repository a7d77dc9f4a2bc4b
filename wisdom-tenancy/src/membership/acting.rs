//! Who acts in a tenant's unit of work, as storage knows it now.

use std::sync::Arc;

use wisdom_core::access::{AccessError, Grants, Permission, Role};
use wisdom_core::context::Principal;

use super::Member;
use crate::error::TenancyError;
use crate::store::TenancyTx;

/// The acting member.
#[derive(Debug, Clone)]
pub(crate) struct Acting {
    /// Their membership; `None` when the service itself is at work, or a credential that is no user's.
    pub(crate) member: Option<Member>,
    /// Their rank, by context and storage, whichever is lower.
    pub(crate) role: Role,
}

impl Acting {
    /// The acting member, where only a person will do.
    pub(crate) fn person(&self) -> Result<&Member, TenancyError> {
        self.member.as_ref().ok_or_else(|| AccessError::InPerson.into())
    }
}

/// Reads the caller's own membership again, and refuses whoever lost it, or the permission, since the context was made.
///
/// The context may come from a cache; what changes other people's rights must not.
pub(crate) async fn acting<Tx: TenancyTx + ?Sized>(
    tx: &mut Tx,
    permission: Permission,
) -> Result<Acting, TenancyError> {
    let frame = Arc::clone(tx.frame());
    let granted = frame.grants().ok_or(AccessError::NotTenant)?.role();
    let Some(user) = frame.principal().and_then(Principal::user) else {
        return Ok(Acting {
            member: None,
            role: granted,
        });
    };
    let member = tx
        .memberships()
        .find_by_user(user)
        .await?
        .ok_or(AccessError::NotTenant)?;
    let stored = member.membership.role;
    if stored < granted && !Grants::of_role(stored).allows(permission) {
        return Err(AccessError::Forbidden {
            permission: permission.name(),
        }
        .into());
    }
    Ok(Acting {
        member: Some(member),
        role: stored.min(granted),
    })
}
