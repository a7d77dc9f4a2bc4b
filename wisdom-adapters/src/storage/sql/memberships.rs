//! Memberships of the tenant, and with them its count of owners.

use async_trait::async_trait;
use wisdom_core::access::Role;
use wisdom_core::id::{MembershipId, UserId};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::value::{DisplayName, EmailAddress};
use wisdom_tenancy::membership::{Member, Membership};
use wisdom_tenancy::store::Memberships;

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, added, current, one_more, rising};
use super::value::Value;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.user_id, m.role, m.created_at, m.version, u.email, u.display_name
             FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1 AND ",
            $rest
        )
    };
}

pub(super) const INSERT: Statement = Statement::new(
    "memberships.insert",
    "INSERT INTO memberships (tenant_id, id, user_id, role, created_at, version)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, user_id) DO NOTHING",
);
pub(super) const FIND: Statement = Statement::new("memberships.find", select!("m.id = $2"));
pub(super) const FIND_BY_USER: Statement =
    Statement::new("memberships.find_by_user", select!("m.user_id = $2"));
pub(super) const LIST: Statement = Statement::new(
    "memberships.list",
    select!("(m.created_at, m.id) > ($2, $3) ORDER BY m.created_at, m.id LIMIT $4"),
);
const LOCK: Statement = Statement::split(
    "memberships.lock",
    "SELECT role FROM memberships WHERE tenant_id = $1 AND id = $2 AND version = $3",
    "SELECT role FROM memberships WHERE tenant_id = $1 AND id = $2 AND version = $3 FOR UPDATE",
);
const UPDATE: Statement = Statement::new(
    "memberships.update",
    "UPDATE memberships SET role = $3, version = $4 + 1 WHERE tenant_id = $1 AND id = $2 AND version = $4",
);
const DELETE: Statement = Statement::new(
    "memberships.delete",
    "DELETE FROM memberships WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
// The condition answers before the table's CHECK would, which on PostgreSQL ends the transaction. The row's lock makes
// parallel changes queue, and the condition is judged again when it is their turn.
const COUNT_OWNERS: Statement = Statement::new(
    "memberships.count_owners",
    "UPDATE tenants SET owner_count = owner_count + $2 WHERE id = $1 AND owner_count + $2 >= 1",
);

fn member(row: &Row) -> Result<Member, StorageError> {
    Ok(Member {
        membership: Membership {
            id: row.id(0)?,
            user: row.id(1)?,
            role: row.read(2, |text| text.parse().ok())?,
            created_at: row.time(3)?,
            version: row.int(4)?,
        },
        email: row.read(5, |text| EmailAddress::parse(text).ok())?,
        display_name: row.read(6, |text| DisplayName::parse(text).ok())?,
    })
}

/// The values of [`INSERT`] behind the tenant's.
pub(super) fn inserted(membership: &Membership) -> [Value<'_>; 5] {
    [
        membership.id.into(),
        membership.user.into(),
        membership.role.as_str().into(),
        membership.created_at.into(),
        membership.version.into(),
    ]
}

impl Unit {
    /// Adds to the tenant's count of owners what a change from one role to another makes of it.
    async fn count_owners(&mut self, from: Option<Role>, to: Option<Role>) -> Result<(), StorageError> {
        let owner = |role: Option<Role>| i64::from(role == Some(Role::Owner));
        let change = owner(to) - owner(from);
        if change == 0 {
            return Ok(());
        }
        let changed = self.tenant_execute(&COUNT_OWNERS, &[change.into()]).await?;
        added(changed, &COUNT_OWNERS, Constraint::TENANT_OWNER)
    }

    async fn lock_membership(&mut self, id: MembershipId, expected: i64) -> Result<Role, StorageError> {
        match self.tenant_optional(&LOCK, &[id.into(), expected.into()]).await? {
            Some(row) => row.read(0, |text| text.parse().ok()),
            None => Err(StorageError::stale(LOCK.name())),
        }
    }
}

#[async_trait]
impl Memberships for Unit {
    async fn insert(&mut self, membership: &Membership) -> Result<(), StorageError> {
        let changed = self.tenant_execute(&INSERT, &inserted(membership)).await?;
        added(changed, &INSERT, Constraint::MEMBERSHIP_USER)?;
        self.count_owners(None, Some(membership.role)).await
    }

    async fn find(&mut self, id: MembershipId) -> Result<Option<Member>, StorageError> {
        self.tenant_optional(&FIND, &[id.into()])
            .await?
            .as_ref()
            .map(member)
            .transpose()
    }

    async fn find_by_user(&mut self, user: UserId) -> Result<Option<Member>, StorageError> {
        self.tenant_optional(&FIND_BY_USER, &[user.into()])
            .await?
            .as_ref()
            .map(member)
            .transpose()
    }

    async fn list(&mut self, page: &PageRequest) -> Result<Slice<Member>, StorageError> {
        let after = rising(page);
        let values = [after.at.into(), after.id.into(), one_more(page).into()];
        let rows = self.tenant_all(&LIST, &values).await?;
        let members = rows.iter().map(member).collect::<Result<_, _>>()?;
        Ok(Slice::cut(members, page.limit, |m: &Member| Position {
            at: m.membership.created_at,
            id: m.membership.id.as_uuid(),
        }))
    }

    async fn update(&mut self, membership: &Membership, expected: i64) -> Result<(), StorageError> {
        let before = self.lock_membership(membership.id, expected).await?;
        self.count_owners(Some(before), Some(membership.role)).await?;
        let values = [
            membership.id.into(),
            membership.role.as_str().into(),
            expected.into(),
        ];
        current(self.tenant_execute(&UPDATE, &values).await?, &UPDATE)
    }

    async fn delete(&mut self, id: MembershipId, expected: i64) -> Result<(), StorageError> {
        let before = self.lock_membership(id, expected).await?;
        self.count_owners(Some(before), None).await?;
        current(
            self.tenant_execute(&DELETE, &[id.into(), expected.into()])
                .await?,
            &DELETE,
        )
    }
}
