//! What identity's operations promise, over any store.

pub(crate) mod attempts;
pub(crate) mod log_in;
pub(crate) mod mailed_proof;
pub(crate) mod passwords;
pub(crate) mod refresh;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod stage;

/// Expands to one named test a case. `$make` is an async function without arguments that returns a
/// [`Stage`](stage::Stage) around a store with empty tables.
macro_rules! auth_flows {
    ($make:path) => {
        auth_flows! { @cases $make,
            log_in::the_right_password_gives_a_pair_that_works,
            log_in::wrong_unknown_and_disabled_get_one_answer,
            attempts::failures_slow_known_and_unknown_addresses_alike,
            attempts::mailed_codes_and_passwords_share_one_counter,
            attempts::right_passwords_are_not_counted_and_forgive_the_wrong_ones,
            attempts::pauses_grow_and_a_hundred_failures_are_the_end,
            attempts::tries_at_once_are_no_way_around_the_limit,
            attempts::a_known_device_stays_open_and_a_new_one_is_told,
            attempts::one_source_is_throttled_over_many_addresses,
            attempts::a_changed_password_forgets_devices_and_failures,
            attempts::changing_a_password_has_few_tries,
            log_in::a_raised_cost_rehashes_at_the_next_sign_in,
            log_in::a_password_changed_meanwhile_lets_nobody_in,
            passwords::a_changed_password_ends_all_other_sessions_and_tells_the_user,
            passwords::a_refused_change_changes_nothing,
            passwords::of_changes_at_once_one_wins_and_no_session_survives_it,
            passwords::an_imported_hash_lets_in_and_is_made_our_own,
            refresh::each_refresh_spends_its_token,
            refresh::a_lost_answer_can_be_fetched_again,
            refresh::parallel_tabs_have_a_window_and_no_more,
            refresh::a_spent_token_ends_the_session_and_tells_the_user,
            refresh::strict_grace_ends_the_session_once_the_child_was_seen,
            refresh::a_restored_database_ends_the_session_without_blame,
            refresh::sessions_end_when_idle_and_at_last,
            refresh::a_disabled_user_refreshes_nothing,
            refresh::foreign_and_invented_tokens_change_nothing,
            sessions::signing_out_ends_both_tokens_at_once,
            sessions::users_see_and_end_their_own_sessions_only,
            sessions::all_but_one_can_be_ended,
            sessions::others_end_and_the_one_that_asks_stays,
            sessions::a_session_is_named_by_its_user_only,
            sessions::the_mailed_token_proves_the_address_once,
            sessions::me_is_answered_from_the_token,
            mailed_proof::known_and_unknown_addresses_get_one_answer,
            mailed_proof::a_reset_ends_everything_and_works_once,
            mailed_proof::a_reset_token_is_void_after_a_new_one_a_change_and_its_time,
            mailed_proof::a_link_signs_in_once,
            mailed_proof::an_unproven_address_gets_the_mail_that_proves_it,
            mailed_proof::a_code_burns_after_five_wrong_tries_and_a_new_one_voids_it,
            mailed_proof::an_address_changes_with_a_fresh_proof_and_both_are_told,
            mailed_proof::a_taken_address_is_not_told,
            mailed_proof::wishes_are_bounded_without_telling,
            mailed_proof::proofs_of_one_purpose_open_nothing_else,
            second_factor::a_sign_in_is_half_finished_without_the_second_factor,
            second_factor::a_code_works_once_and_the_first_one_never_signs_in,
            second_factor::tries_are_bounded_and_changes_void_a_half_finished_sign_in,
            second_factor::recovery_codes_stand_in_once,
            second_factor::mailed_proofs_never_skip_it,
            second_factor::a_remembered_device_skips_it_until_it_is_forgotten,
            second_factor::changes_need_a_fresh_proof_and_end_other_sessions,
            second_factor::steps_out_of_order_lead_nowhere,
        }
    };
    (@cases $make:path, $($area:ident::$case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let stage = $make().await;
                crate::auth_suite::$area::$case(&stage).await;
            }
        )+
    };
}
