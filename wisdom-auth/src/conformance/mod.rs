//! What every store must do for identity. Expand with
//! [`identity_storage_conformance!`](crate::identity_storage_conformance).
//!
//! Each case gets a store with empty tables. Where the traits leave room, this is what counts: a read unit refuses writes
//! with `Invalid`; an update of nothing is `Stale`; a user that does not exist is a conflict with `REFERENCE`.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

mod attempts;
mod external_identities;
mod fixtures;
mod one_time_tokens;
mod passkeys;
mod provider_attempts;
mod second_factors;
mod sessions;
mod users;

pub use attempts::*;
pub use external_identities::*;
pub use fixtures::{IdentityStore, new_session, new_user, seed_user};
pub use one_time_tokens::*;
pub use passkeys::*;
pub use provider_attempts::*;
pub use second_factors::*;
pub use sessions::*;
pub use users::*;

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns a
/// [`Harness`](wisdom_core::conformance::Harness) around a store with empty tables.
#[macro_export]
macro_rules! identity_storage_conformance {
    ($make:expr) => {
        $crate::identity_storage_conformance!(@cases $make;
            ping_answers
            user_is_read_back
            user_email_is_unique_and_the_unit_stays_usable
            user_email_is_unique_across_units
            users_signing_up_at_once_get_an_address_once
            user_update_is_compare_and_set
            user_update_to_a_taken_address_is_a_conflict
            users_are_paged_by_id
            password_hash_is_set_and_replaced
            password_hash_needs_its_user
            old_password_hashes_are_listed_newest_first_and_forgotten
            dropped_system_unit_leaves_nothing
            rolled_back_system_unit_leaves_nothing
            uncommitted_user_is_invisible
            system_read_unit_refuses_writes
            session_is_read_back
            session_needs_its_user
            session_id_is_unique
            session_update_is_compare_and_set
            session_of_every_end_is_read_back
            session_updates_at_once_have_one_winner
            live_sessions_are_listed_newest_first
            live_sessions_end_at_their_ends
            revoke_all_ends_all_but_one
            revoke_all_overtakes_a_rotation
            revoked_sessions_are_listed_in_their_order
            token_is_consumed_once
            token_consumers_at_once_have_one_winner
            token_replaced_is_void
            token_expired_is_refused
            token_unknown_is_refused
            token_needs_its_user
            token_consumed_in_a_dropped_unit_stays
            token_is_found_without_being_used
            token_tries_are_bounded_and_begin_anew
            tokens_of_some_purposes_are_voided
            credentials_grow_generation_by_generation
            credentials_locked_at_once_take_turns
            challenge_is_read_back_and_dropped
            challenge_tries_are_bounded
            challenge_expired_is_swept_by_the_next
            totp_is_offered_and_confirmed_once
            totp_steps_at_once_have_one_winner
            recovery_codes_are_used_once_and_replaced
            remembered_devices_expire_and_are_forgotten
            attempts_are_counted_and_cleared
            attempts_at_once_are_all_counted
            attempts_are_swept_by_kind_and_age
            devices_are_found_counted_and_forgotten
            devices_beyond_the_most_make_room
            identity_is_read_back
            identity_subject_is_unique_and_the_unit_stays_usable
            identities_linked_at_once_have_one_winner
            identity_needs_its_user
            identity_use_is_noted
            identity_is_removed_by_its_user_only
            attempt_is_consumed_once
            attempt_consumers_at_once_have_one_winner
            attempt_expired_is_refused_and_cleared
            attempt_needs_its_user
            passkey_is_read_back
            passkey_credential_is_unique_and_the_unit_stays_usable
            passkeys_of_a_user_are_bounded
            passkey_needs_its_user
            passkey_counter_never_goes_back
            passkey_uses_at_once_have_one_winner
            passkey_is_named_and_removed_by_its_user_only
            ceremony_is_used_up_once
            ceremony_consumers_at_once_have_one_winner
            ceremony_expired_is_refused_and_cleared
            ceremonies_of_a_user_are_dropped
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
