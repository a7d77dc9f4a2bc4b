//! What every store must do for tenancy. Expand with
//! [`tenancy_storage_conformance!`](crate::tenancy_storage_conformance).
//!
//! Each case gets a store with empty tables. Where the traits leave room, this is what counts: a read unit refuses writes
//! with `Invalid`; an update or removal of a row that is not there, or not this tenant's, is `Stale`; a user or tenant
//! that does not exist is a conflict with `REFERENCE`.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

mod api_keys;
mod fixtures;
mod impersonations;
mod invitations;
mod isolation;
mod memberships;
mod owners;
mod pages;
mod tenants;

pub use api_keys::*;
pub use fixtures::with_two_tenants;
pub use fixtures::{
    Seed, TenancyStore, new_invitation, new_membership, new_tenant, seed_member, seed_tenant,
};
pub use impersonations::*;
pub use invitations::*;
pub use isolation::*;
pub use memberships::*;
pub use owners::*;
pub use pages::*;
pub use tenants::*;

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns a
/// [`Harness`](wisdom_core::conformance::Harness) around a store with empty tables.
#[macro_export]
macro_rules! tenancy_storage_conformance {
    ($make:expr) => {
        $crate::tenancy_storage_conformance!(@cases $make;
            tenant_is_read_back
            tenant_begins_with_one_owner
            tenant_needs_its_first_owner
            slug_is_unique_and_the_unit_stays_usable
            slug_is_given_once_to_many_at_once
            tenant_update_is_compare_and_set
            tenant_update_to_a_taken_slug_is_a_conflict
            tenant_updates_at_once_have_one_winner
            standing_is_a_members_only
            standing_follows_role_and_removal
            dropped_tenant_unit_leaves_nothing
            tenant_read_unit_refuses_writes
            sign_up_is_all_or_nothing
            member_is_read_back
            membership_of_a_user_is_one_and_the_unit_stays_usable
            membership_is_given_once_to_many_at_once
            membership_needs_its_user
            membership_needs_its_tenant
            membership_update_is_compare_and_set
            membership_delete_is_compare_and_set
            membership_can_be_had_again
            owners_are_counted
            last_owner_cannot_be_demoted
            last_owner_cannot_be_removed
            owners_demoting_each_other_leave_one
            owners_leaving_at_once_leave_one
            invitation_is_read_back
            invitation_is_one_for_an_address_and_the_unit_stays_usable
            invitation_is_given_once_to_many_at_once
            invitation_can_be_repeated_once_answered
            invitation_update_is_compare_and_set
            invitation_answers_at_once_have_one_winner
            invitation_is_found_by_token_in_every_state
            invitation_token_replaced_is_void
            invitations_are_listed_by_state
            members_are_paged_without_loss_or_repetition
            members_page_that_fits_is_the_last
            members_pages_survive_a_deleted_row
            invitations_are_paged_newest_first
            tenants_of_a_user_are_paged
            foreign_memberships_do_not_exist
            foreign_memberships_cannot_be_changed
            foreign_invitations_do_not_exist
            foreign_invitations_cannot_be_changed
            own_tenant_is_the_contexts
            own_tenant_never_writes_another
            entered_tenant_is_the_scope
            api_key_is_read_back
            api_key_update_is_compare_and_set
            api_key_public_part_is_unique
            api_keys_are_listed_and_counted
            api_keys_of_a_creator_are_flagged
            client_token_is_read_back_and_dropped
            role_in_a_tenant_is_the_memberships
            impersonation_is_read_back_and_listed
            impersonation_ends_once
            impersonation_needs_its_people
            impersonations_of_a_tenant_end_together
            requests_of_operators_are_noted_once_in_a_while
            api_key_use_is_noted
        );
    };
    (@cases $make:expr; $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$case(&($make)().await).await;
            }
        )*
    };
}
