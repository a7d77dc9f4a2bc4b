//! What tenancy asks of storage.
//!
//! Tenant repositories take no tenant id: in a tenant's unit of work it is the context's, and outside of any tenant it
//! is the one that was [entered](OnboardingTx::enter).

use async_trait::async_trait;
use wisdom_auth::store::{ApiKeyRepositories, IdentityTx};
use wisdom_core::id::{InvitationId, MembershipId, TenantId, UserId};
use wisdom_core::page::{PageRequest, Slice};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::UnitOfWork;
use wisdom_core::value::{EmailAddress, Slug};

use crate::invitation::{Invitation, InvitationState};
use crate::membership::{Member, Membership};
use crate::support_access::EndedImpersonation;
use crate::tenant::{Standing, Tenant};

/// The tenant itself.
#[async_trait]
pub trait OwnTenant: Send {
    /// The tenant.
    async fn current(&mut self) -> Result<Tenant, StorageError>;

    /// Replaces name, slug, state, region, epoch and choices of the tenant whose stored version is `expected`; the stored version
    /// becomes `expected + 1`. `owner_count` is not touched: it belongs to [`Memberships`].
    ///
    /// Another version is `StorageErrorKind::Stale`; a taken slug a conflict with `Constraint::TENANT_SLUG`.
    async fn update(&mut self, tenant: &Tenant, expected: i64) -> Result<(), StorageError>;

    /// Ends every impersonation in the tenant that goes on at that time; answers which, in no order.
    async fn end_impersonations(&mut self, at: Timestamp) -> Result<Vec<EndedImpersonation>, StorageError>;
}

/// Memberships of the tenant.
///
/// Every method that adds, changes or removes an owner changes `owner_count` of the tenant's row with it, whose check
/// makes a tenant without owner impossible: the attempt is a conflict with `Constraint::TENANT_OWNER`.
#[async_trait]
pub trait Memberships: Send {
    /// Adds a membership.
    ///
    /// A user who is a member already is a conflict with `Constraint::MEMBERSHIP_USER`, which leaves the unit of work
    /// usable.
    async fn insert(&mut self, membership: &Membership) -> Result<(), StorageError>;

    /// The membership with this id, with what the tenant sees of its user.
    async fn find(&mut self, id: MembershipId) -> Result<Option<Member>, StorageError>;

    /// The membership of this user.
    async fn find_by_user(&mut self, user: UserId) -> Result<Option<Member>, StorageError>;

    /// Members, oldest first.
    async fn list(&mut self, page: &PageRequest) -> Result<Slice<Member>, StorageError>;

    /// Replaces the role of the membership whose stored version is `expected`; the stored version becomes
    /// `expected + 1`. Another version is `StorageErrorKind::Stale`.
    async fn update(&mut self, membership: &Membership, expected: i64) -> Result<(), StorageError>;

    /// Removes the membership whose stored version is `expected`. Another version is `StorageErrorKind::Stale`.
    async fn delete(&mut self, id: MembershipId, expected: i64) -> Result<(), StorageError>;
}

/// Invitations of the tenant.
#[async_trait]
pub trait Invitations: Send {
    /// Adds an invitation.
    ///
    /// A pending one for the same address (by lookup key) is a conflict with `Constraint::INVITATION_ADDRESS`, which
    /// leaves the unit of work usable.
    async fn insert(&mut self, invitation: &Invitation) -> Result<(), StorageError>;

    /// The invitation with this id.
    async fn find(&mut self, id: InvitationId) -> Result<Option<Invitation>, StorageError>;

    /// The pending invitation for this address, expired or not.
    async fn find_pending(&mut self, email: &EmailAddress) -> Result<Option<Invitation>, StorageError>;

    /// Invitations, newest first; of one stored state if `state` is given.
    async fn list(
        &mut self,
        state: Option<InvitationState>,
        page: &PageRequest,
    ) -> Result<Slice<Invitation>, StorageError>;

    /// Replaces an invitation whose stored version is `expected`; the stored version becomes `expected + 1`.
    /// Another version is `StorageErrorKind::Stale`.
    async fn update(&mut self, invitation: &Invitation, expected: i64) -> Result<(), StorageError>;
}

/// The repositories of one tenant.
pub trait TenancyRepositories: ApiKeyRepositories {
    /// The tenant itself.
    fn own_tenant(&mut self) -> &mut dyn OwnTenant;
    /// Its memberships.
    fn memberships(&mut self) -> &mut dyn Memberships;
    /// Its invitations.
    fn invitations(&mut self) -> &mut dyn Invitations;
}

/// The unit of work of a tenant.
pub trait TenancyTx: UnitOfWork + TenancyRepositories {}

impl<T: UnitOfWork + TenancyRepositories + ?Sized> TenancyTx for T {}

/// All tenants.
#[async_trait]
pub trait Tenants: Send {
    /// Adds a tenant (with `owner_count` 1) and the membership of its first owner.
    ///
    /// A taken slug is a conflict with `Constraint::TENANT_SLUG`, which leaves the unit of work usable.
    async fn insert(&mut self, tenant: &Tenant, owner: &Membership) -> Result<(), StorageError>;

    /// The tenant with this id.
    async fn find(&mut self, id: TenantId) -> Result<Option<Tenant>, StorageError>;

    /// The tenant with this slug.
    async fn find_by_slug(&mut self, slug: &Slug) -> Result<Option<Tenant>, StorageError>;

    /// The tenants a user is a member of, with the role, oldest membership first.
    async fn list_of_user(
        &mut self,
        user: UserId,
        page: &PageRequest,
    ) -> Result<Slice<Standing>, StorageError>;

    /// What the user is in the tenant, if a member: what a tenant context is made from.
    async fn standing(&mut self, tenant: TenantId, user: UserId) -> Result<Option<Standing>, StorageError>;

    /// The invitation whose token has this hash, whatever its state, and its tenant.
    async fn find_invitation_by_token(
        &mut self,
        hash: &[u8; 32],
    ) -> Result<Option<(TenantId, InvitationId)>, StorageError>;
}

/// The unit of work in which people and tenants come together: sign-up, new tenants, accepted invitations.
pub trait OnboardingTx: IdentityTx {
    /// All tenants.
    fn tenants(&mut self) -> &mut dyn Tenants;

    /// The repositories of one tenant, in this same transaction.
    ///
    /// For use cases that found out the tenant from something the caller holds (an invitation's token), never from its
    /// id alone. Greppable, like the constructors of a tenant context.
    fn enter(&mut self, tenant: TenantId) -> &mut dyn TenancyRepositories;
}
