//! What tenancy's operations promise, over any store: `tenancy_flows!(make)` gives one named test a case.

pub(crate) mod api_keys;
pub(crate) mod invitations;
pub(crate) mod members;
pub(crate) mod sign_up;
pub(crate) mod stage;
pub(crate) mod support_access;
pub(crate) mod tenants;

/// Expands to one named test a case. `$make` is an async function without arguments that returns a
/// [`Stage`](stage::Stage) around a store with empty tables, or `None` where the store's server is missing and may be.
macro_rules! tenancy_flows {
    ($make:path) => {
        tenancy_flows! { @cases $make,
            sign_up::person_tenant_and_ownership_come_in_one_commit,
            sign_up::a_known_address_gets_the_same_answer_and_another_mail,
            sign_up::mails_to_a_known_address_end_silently,
            sign_up::a_taken_slug_says_nothing_about_the_address,
            sign_up::tenants_of_one_name_get_slugs_of_their_own,
            sign_up::a_weak_password_leaves_nothing,
            sign_up::one_source_is_throttled,
            sign_up::parallel_sign_ups_with_one_address_make_one_person,
            tenants::founders_own_what_they_found,
            tenants::lists_hold_the_own_tenants_only,
            tenants::updates_are_compare_and_set,
            invitations::accepting_makes_a_member_and_twice_is_once,
            invitations::the_token_is_in_the_mail_and_nowhere_else,
            invitations::inviting_again_replaces_the_token_five_times_a_day,
            invitations::only_the_verified_invited_address_may_accept,
            invitations::the_inviter_must_still_be_entitled,
            invitations::nobody_invites_above_their_rank,
            invitations::closed_invitations_stay_closed,
            invitations::members_are_not_invited,
            invitations::accepting_never_lowers_a_role,
            invitations::a_new_person_registers_and_joins_in_one_step,
            invitations::a_suspended_tenant_takes_nobody_in,
            invitations::parallel_accepts_make_one_membership,
            invitations::parallel_invites_make_one_invitation,
            members::roles_change_within_the_own_rank,
            members::the_last_owner_stays,
            members::two_owners_demoting_each_other_leave_one,
            members::a_context_from_before_a_demotion_is_worth_nothing,
            members::leaving_ends_the_membership,
            members::what_is_another_tenants_does_not_exist,
            api_keys::a_key_is_good_until_it_is_revoked,
            api_keys::keys_are_never_above_who_makes_them,
            api_keys::a_creators_leaving_flags_the_tenants_keys,
            support_access::nobody_comes_in_before_an_owner_was_asked_and_opens,
            support_access::what_was_opened_ends_on_the_hour,
            support_access::an_end_is_an_end,
            support_access::owners_alone_decide,
        }
    };
    (@cases $make:path, $($area:ident::$case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                if let Some(stage) = $make().await {
                    crate::tenancy_suite::$area::$case(&stage).await;
                }
            }
        )+
    };
}
