//! All tenants.

use async_trait::async_trait;
use wisdom_core::access::Role;
use wisdom_core::id::{InvitationId, TenantId, UserId};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::value::Slug;
use wisdom_tenancy::membership::Membership;
use wisdom_tenancy::store::Tenants;
use wisdom_tenancy::tenant::{Standing, Tenant};

use super::memberships;
use super::own_tenant::tenant;
use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, added, one_more, rising};
use super::value::Value;

macro_rules! select_standing {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.slug, t.name, t.state, t.region, t.epoch, t.owner_count, t.created_at, t.version,
             t.mfa_required, t.support_mode, t.support_open_until, m.id, m.role, m.created_at
             FROM memberships m JOIN tenants t ON t.id = m.tenant_id WHERE ",
            $rest
        )
    };
}

const INSERT: Statement = Statement::new(
    "tenants.insert",
    "INSERT INTO tenants (id, slug, name, state, region, epoch, owner_count, created_at, version, mfa_required,
     support_mode, support_open_until) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11) ON CONFLICT (slug) DO NOTHING",
);
const FIND: Statement = Statement::new(
    "tenants.find",
    "SELECT id, slug, name, state, region, epoch, owner_count, created_at, version, mfa_required,
     support_mode, support_open_until FROM tenants WHERE id = $1",
);
pub(super) const FIND_BY_SLUG: Statement = Statement::new(
    "tenants.find_by_slug",
    "SELECT id, slug, name, state, region, epoch, owner_count, created_at, version, mfa_required,
     support_mode, support_open_until FROM tenants WHERE slug = $1",
);
pub(super) const LIST_OF_USER: Statement = Statement::new(
    "tenants.list_of_user",
    select_standing!(
        "m.user_id = $1 AND (m.created_at, m.id) > ($2, $3) ORDER BY m.created_at, m.id LIMIT $4"
    ),
);
pub(super) const STANDING: Statement = Statement::new(
    "tenants.standing",
    select_standing!("m.tenant_id = $1 AND m.user_id = $2"),
);
pub(super) const INVITATION_BY_TOKEN: Statement = Statement::new(
    "tenants.find_invitation_by_token",
    "SELECT tenant_id, id FROM invitations WHERE token_hash = $1",
);

fn standing(row: &Row) -> Result<Standing, StorageError> {
    Ok(Standing {
        tenant: tenant(row)?,
        membership: row.id(12)?,
        role: row.read(13, |text| text.parse().ok())?,
        since: row.time(14)?,
    })
}

#[async_trait]
impl Tenants for Unit {
    async fn insert(&mut self, tenant: &Tenant, owner: &Membership) -> Result<(), StorageError> {
        let values = [
            tenant.id.into(),
            tenant.slug.as_str().into(),
            tenant.name.as_str().into(),
            tenant.state.as_str().into(),
            tenant.region.as_str().into(),
            tenant.epoch.into(),
            tenant.created_at.into(),
            tenant.version.into(),
            tenant.mfa_required.into(),
            tenant.support_access.mode.as_str().into(),
            tenant.support_access.open_until.into(),
        ];
        added(
            self.sql_tx().execute(&INSERT, &values).await?,
            &INSERT,
            Constraint::TENANT_SLUG,
        )?;
        // The row says one owner, so the first member is one whatever the caller's value says.
        let owner = Membership {
            role: Role::Owner,
            ..owner.clone()
        };
        let mut values = vec![Value::from(tenant.id)];
        values.extend(memberships::inserted(&owner));
        let changed = self.sql_tx().execute(&memberships::INSERT, &values).await?;
        added(changed, &memberships::INSERT, Constraint::MEMBERSHIP_USER)
    }

    async fn find(&mut self, id: TenantId) -> Result<Option<Tenant>, StorageError> {
        self.sql_tx()
            .fetch_optional(&FIND, &[id.into()])
            .await?
            .as_ref()
            .map(tenant)
            .transpose()
    }

    async fn find_by_slug(&mut self, slug: &Slug) -> Result<Option<Tenant>, StorageError> {
        let values = [slug.as_str().into()];
        self.sql_tx()
            .fetch_optional(&FIND_BY_SLUG, &values)
            .await?
            .as_ref()
            .map(tenant)
            .transpose()
    }

    async fn list_of_user(
        &mut self,
        user: UserId,
        page: &PageRequest,
    ) -> Result<Slice<Standing>, StorageError> {
        let after = rising(page);
        let values = [
            user.into(),
            after.at.into(),
            after.id.into(),
            one_more(page).into(),
        ];
        let rows = self.sql_tx().fetch_all(&LIST_OF_USER, &values).await?;
        let standings = rows.iter().map(standing).collect::<Result<_, _>>()?;
        Ok(Slice::cut(standings, page.limit, |s: &Standing| Position {
            at: s.since,
            id: s.membership.as_uuid(),
        }))
    }

    async fn standing(&mut self, tenant: TenantId, user: UserId) -> Result<Option<Standing>, StorageError> {
        let values = [tenant.into(), user.into()];
        self.sql_tx()
            .fetch_optional(&STANDING, &values)
            .await?
            .as_ref()
            .map(standing)
            .transpose()
    }

    async fn find_invitation_by_token(
        &mut self,
        hash: &[u8; 32],
    ) -> Result<Option<(TenantId, InvitationId)>, StorageError> {
        let row = self
            .sql_tx()
            .fetch_optional(&INVITATION_BY_TOKEN, &[hash.into()])
            .await?;
        row.map(|row| Ok((row.id(0)?, row.id(1)?))).transpose()
    }
}
