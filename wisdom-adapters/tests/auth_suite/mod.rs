//! What identity's operations promise, over any store.

pub(crate) mod log_in;
pub(crate) mod refresh;
pub(crate) mod sessions;
pub(crate) mod stage;

/// Expands to one named test a case. `$make` is an async function without arguments that returns a
/// [`Stage`](stage::Stage) around a store with empty tables.
macro_rules! auth_flows {
    ($make:path) => {
        auth_flows! { @cases $make,
            log_in::the_right_password_gives_a_pair_that_works,
            log_in::wrong_unknown_and_disabled_get_one_answer,
            log_in::tries_are_counted_for_known_and_unknown_addresses_alike,
            log_in::one_source_is_throttled_over_many_addresses,
            log_in::a_limiter_that_is_away_closes_the_door,
            log_in::a_raised_cost_rehashes_at_the_next_sign_in,
            log_in::a_password_changed_meanwhile_lets_nobody_in,
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
            sessions::the_mailed_token_proves_the_address_once,
            sessions::me_is_answered_from_the_token,
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
