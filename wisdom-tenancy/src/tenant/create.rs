//! A new tenant with its first owner.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_auth::user::UserState;
use wisdom_core::access::{Access, AccessError, Role};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::id::{IdSourceExt as _, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::random::RandomError;
use wisdom_core::storage::{Constraint, StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::{DisplayName, Slug};

use super::naming::candidate;
use super::{Tenant, TenantState};
use crate::error::TenancyError;
use crate::membership::{Membership, created};
use crate::store::OnboardingTx;
use crate::support_access::SupportAccess;

/// Random slugs tried before giving up; with 2^30 of each, the second is never needed unless the source is broken.
const ATTEMPTS: u32 = 8;
/// Where data lives until the tenant is placed.
const REGION: &str = "default";

/// Founds a tenant whose first owner is the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// Name for people.
    pub name: DisplayName,
    /// Short name in addresses. Without it one is made from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
}

impl Operation for CreateTenant {
    const NAME: &'static str = "tenancy.tenant.create";
    const SUMMARY: &'static str = "Create a tenant and become its first owner.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = Tenant;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for CreateTenant {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Tenant>, TenancyError> {
        let caller = tx
            .frame()
            .session()
            .map(|session| session.user)
            .ok_or(AccessError::Unauthenticated)?;
        let user = tx
            .users()
            .find(caller)
            .await?
            .filter(|user| user.state == UserState::Active);
        let owner = user.ok_or(AccessError::Unauthenticated)?.id;
        let founded = found(tx, &self.name, self.slug.as_ref(), owner).await?;
        let entry = founded.audit();
        Ok(Outcome::audited(founded.tenant, entry).emit_all(founded.events))
    }
}

/// A tenant that was just founded, and what there is to tell about it.
#[derive(Debug)]
pub(crate) struct Founded {
    pub(crate) tenant: Tenant,
    pub(crate) events: Vec<NewEvent>,
}

impl Founded {
    /// The entry for the new tenant's own log.
    pub(crate) fn audit(&self) -> AuditEntry {
        AuditEntry::on("tenant", self.tenant.id)
            .in_tenant(self.tenant.id)
            .with(json!({ "slug": self.tenant.slug }))
    }
}

/// Adds a tenant and its first owner, who must exist in storage.
///
/// A slug that was asked for is taken or refused; one that was not gets another end until it is free.
pub(crate) async fn found<Tx: OnboardingTx + ?Sized>(
    tx: &mut Tx,
    name: &DisplayName,
    slug: Option<&Slug>,
    owner: UserId,
) -> Result<Founded, TenancyError> {
    let frame = Arc::clone(tx.frame());
    let kit = frame.kit();
    let membership = Membership {
        id: kit.ids.id(),
        user: owner,
        role: Role::Owner,
        created_at: frame.now(),
        version: 1,
    };
    let id = kit.ids.id();
    for attempt in 0..ATTEMPTS {
        let chosen = match slug {
            Some(slug) => slug.clone(),
            None => candidate(name, attempt, kit.random.as_ref()).map_err(broken_source)?,
        };
        let tenant = Tenant {
            id,
            slug: chosen,
            name: name.clone(),
            state: TenantState::Active,
            region: REGION.to_owned(),
            epoch: 1,
            mfa_required: false,
            support_access: SupportAccess::default(),
            owner_count: 1,
            created_at: frame.now(),
            version: 1,
        };
        match tx.tenants().insert(&tenant, &membership).await {
            Ok(()) => {
                let data = json!({ "tenant": id, "slug": tenant.slug, "owner": owner });
                let events = vec![
                    NewEvent::new("tenancy.tenant.created", id, data).of_tenant(id),
                    created(&membership).of_tenant(id),
                ];
                return Ok(Founded { tenant, events });
            }
            Err(error) if slug.is_none() && error.violates(Constraint::TENANT_SLUG) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(broken_source(RandomError::new("every random slug was taken")).into())
}

fn broken_source(error: RandomError) -> StorageError {
    StorageError::new(StorageErrorKind::Internal, "tenants.name").caused_by(error)
}
