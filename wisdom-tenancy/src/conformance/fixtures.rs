//! Tenants, members and invitations that cases work on.

use std::time::Duration;

use wisdom_auth::conformance::seed_user;
use wisdom_auth::user::User;
use wisdom_core::access::Role;
use wisdom_core::conformance::{Harness, TestKit, save};
use wisdom_core::id::{TenantId, UserId};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Store;
use wisdom_core::value::{DisplayName, EmailAddress, Slug};

use crate::invitation::{Invitation, InvitationState};
use crate::membership::{Member, Membership};
use crate::store::{OnboardingTx, TenancyRepositories as _, TenancyTx};
use crate::support_access::SupportAccess;
use crate::tenant::{Tenant, TenantState};

/// A store that keeps tenants.
pub trait TenancyStore: Store<TenantTx: TenancyTx, SystemTx: OnboardingTx> {}

impl<S: Store<TenantTx: TenancyTx, SystemTx: OnboardingTx> + ?Sized> TenancyStore for S {}

/// A tenant that is stored, with its first owner.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The tenant.
    pub tenant: Tenant,
    /// Its first owner.
    pub owner: User,
    /// What makes them the owner.
    pub membership: Membership,
}

impl Seed {
    /// The tenant's id.
    #[must_use]
    pub const fn id(&self) -> TenantId {
        self.tenant.id
    }
}

pub(super) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("a valid address")
}

pub(super) fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a valid slug")
}

pub(super) fn assert_stale<T: std::fmt::Debug>(answer: Result<T, StorageError>) {
    let refused = answer.expect_err("the row is not there at this version");
    assert_eq!(refused.kind(), StorageErrorKind::Stale, "{refused}");
}

/// A tenant that is not stored yet.
#[must_use]
pub fn new_tenant(test: &TestKit, name: &str) -> Tenant {
    Tenant {
        id: test.id(),
        slug: slug(name),
        name: DisplayName::parse(name).expect("a valid name"),
        state: TenantState::Active,
        region: "default".to_owned(),
        epoch: 0,
        mfa_required: false,
        support_access: SupportAccess::default(),
        owner_count: 1,
        created_at: test.now(),
        version: 1,
    }
}

/// A membership that is not stored yet.
#[must_use]
pub fn new_membership(test: &TestKit, user: UserId, role: Role) -> Membership {
    Membership {
        id: test.id(),
        user,
        role,
        created_at: test.now(),
        version: 1,
    }
}

/// A pending invitation that is not stored yet; its token's hash is made of one byte.
#[must_use]
pub fn new_invitation(test: &TestKit, email: &str, by: UserId, hash: u8) -> Invitation {
    let now = test.now();
    Invitation {
        id: test.id(),
        email: address(email),
        role: Role::Member,
        state: InvitationState::Pending,
        invited_by: by,
        accepted_by: None,
        token_hash: [hash; 32],
        sends: 1,
        sent_since: now,
        expires_at: now.saturating_add(Duration::from_hours(7 * 24)),
        created_at: now,
        version: 1,
    }
}

/// A stored tenant of this slug, whose owner is `slug-owner@acme.test`.
pub async fn seed_tenant<S: TenancyStore + ?Sized>(h: &Harness<S>, name: &str) -> Seed {
    let owner = seed_user(h, &format!("{name}-owner")).await;
    let tenant = new_tenant(h.test(), name);
    let membership = new_membership(h.test(), owner.id, Role::Owner);
    let mut tx = h.system().await;
    tx.tenants().insert(&tenant, &membership).await.expect("insert");
    save(tx).await;
    Seed {
        tenant,
        owner,
        membership,
    }
}

/// A stored member of the tenant, `name@acme.test`.
pub async fn seed_member<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    name: &str,
    role: Role,
) -> (User, Membership) {
    let user = seed_user(h, name).await;
    let membership = new_membership(h.test(), user.id, role);
    let mut tx = h.of(tenant).await;
    tx.memberships().insert(&membership).await.expect("insert");
    save(tx).await;
    (user, membership)
}

/// The member as it is stored.
pub(super) async fn stored<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    membership: &Membership,
) -> Option<Member> {
    h.read_of(tenant)
        .await
        .memberships()
        .find(membership.id)
        .await
        .expect("find")
}

/// The tenant as it is stored.
pub(super) async fn current<S: TenancyStore + ?Sized>(h: &Harness<S>, tenant: TenantId) -> Tenant {
    h.read_of(tenant)
        .await
        .own_tenant()
        .current()
        .await
        .expect("current")
}

/// The harness with two stored tenants, for suites that need tenants and are not about them.
pub async fn with_two_tenants<S: TenancyStore + ?Sized>(h: Harness<S>) -> Harness<S> {
    let (first, second) = (
        seed_tenant(&h, "first-co").await,
        seed_tenant(&h, "second-co").await,
    );
    h.with_tenants([first.id(), second.id()])
}
