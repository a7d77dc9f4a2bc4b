//! Passkeys, over every store: what is accepted, every single change that is refused, and sixteen completions at once.
#![cfg(all(feature = "passkeys", feature = "testkit"))]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

mod passkey_suite;
#[path = "auth_suite/stage.rs"]
#[expect(dead_code, reason = "the cases of other test files use the rest")]
mod stage;

/// One test a case. `$make` is an async function from a kit to a store with empty tables and its guard.
macro_rules! passkey_flows {
    ($make:path) => {
        passkey_flows! { @cases $make,
            flows::a_passkey_signs_in_alone_and_counts_as_both_factors,
            flows::a_passkey_is_the_second_factor_behind_a_password,
            flows::recovery_codes_stand_in_for_a_passkey,
            flows::a_passkey_is_a_fresh_proof,
            flows::passkeys_are_made_named_and_removed_with_a_fresh_proof_only,
            flows::a_user_has_twenty_and_an_authenticator_one,
            flows::changes_end_other_sessions_and_are_told,
            flows::a_disabled_user_is_refused_like_a_stranger,
            flows::a_synchronised_passkey_need_not_count,
            flows::the_beginning_says_nothing_about_accounts,
            flows::doors_are_throttled,
            refusals::every_change_of_a_sign_in_is_refused,
            refusals::every_change_of_a_registration_is_refused,
            refusals::a_ceremony_is_for_one_purpose_one_user_and_one_time,
            refusals::a_counter_that_went_back_is_refused_and_told,
            race::of_sixteen_completions_one_signs_in,
            race::of_sixteen_uses_of_one_counter_one_signs_in,
            race::of_sixteen_registrations_one_is_kept,
        }
    };
    (@cases $make:path, $($area:ident::$case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let test = TestKit::new();
                let (store, guard) = $make(Arc::clone(test.kit())).await;
                crate::passkey_suite::$area::$case(&Stage::new(store, test, guard)).await;
            }
        )+
    };
}

mod memory {
    use std::sync::Arc;

    use wisdom_adapters::storage::{self, DynStore};
    use wisdom_core::conformance::TestKit;
    use wisdom_core::unit_of_work::Kit;

    use crate::stage::Stage;

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, ()) {
        (storage::open("memory:", kit).await.unwrap(), ())
    }

    passkey_flows!(make);
}

mod sqlite {
    use std::sync::Arc;

    use wisdom_adapters::storage::{self, DynStore};
    use wisdom_core::conformance::TestKit;
    use wisdom_core::unit_of_work::Kit;

    use crate::stage::Stage;

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
        (storage::open(&url, kit).await.unwrap(), folder)
    }

    passkey_flows!(make);
}

mod postgres {
    use std::sync::Arc;

    use wisdom_adapters::storage::{self, DynStore};
    use wisdom_adapters::testkit::{TestDatabase, postgres};
    use wisdom_core::conformance::TestKit;
    use wisdom_core::unit_of_work::Kit;

    use crate::stage::Stage;

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, TestDatabase) {
        let database = postgres()
            .await
            .expect("a PostgreSQL server for tests; see wisdom_adapters::testkit");
        (storage::open(database.url(), kit).await.unwrap(), database)
    }

    passkey_flows!(make);
}
