//! What every store must do for events, and at commit. Expand with
//! [`events_storage_conformance!`](crate::events_storage_conformance).
//!
//! Each case gets a store whose only rows are two tenants. Where the traits leave room, this is what counts: a unit of
//! work that was begun for reading refuses writes and a record that is not empty, and every unit of work of a tenant
//! refuses a record of another one, with `Invalid`; what is due at `now` is due; a lease that ends at `now` has ended; a
//! fence is good for one settlement; a sweep takes an event's finished deliveries with it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

mod audit;
mod commit;
mod deliveries;
mod delivery_queue;
mod endpoints;
mod fixtures;
mod idempotency;
mod inbox;
mod outbox;
mod sequences;
mod sweep;

pub use audit::*;
pub use commit::*;
pub use deliveries::*;
pub use delivery_queue::*;
pub use endpoints::*;
pub use fixtures::{EventsStore, emit, new_delivery, new_endpoint};
pub use idempotency::*;
pub use inbox::*;
pub use outbox::*;
pub use sequences::*;
pub use sweep::*;

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns a
/// [`Harness`](wisdom_core::conformance::Harness) around a store with
/// [two tenants](wisdom_core::conformance::Harness::with_tenants) and nothing else that matters here.
#[macro_export]
macro_rules! events_storage_conformance {
    ($make:expr) => {
        $crate::events_storage_conformance!(@cases $make;
            commit_writes_state_events_and_audit
            dropped_unit_leaves_nothing
            rolled_back_unit_leaves_nothing
            commit_with_an_event_of_another_tenant_writes_nothing
            commit_with_an_audit_entry_of_another_tenant_writes_nothing
            read_unit_refuses_writes
            read_unit_refuses_a_record
            system_unit_writes_for_tenants_and_for_none
            event_is_read_back
            foreign_events_do_not_exist
            events_of_no_tenant_are_invisible_to_tenants
            sequence_counts_each_key_from_one
            sequence_is_each_tenants_own
            sequence_has_no_gap_when_many_commit_at_once
            sequence_has_no_gap_after_a_rollback
            idempotent_call_runs_once_and_is_answered_again
            idempotency_key_of_another_request_is_a_mismatch
            idempotency_key_expires
            idempotency_keys_are_each_users_and_tenants_own
            idempotency_key_of_a_refused_call_stays_free
            idempotent_calls_at_once_have_one_effect
            idempotent_system_calls_run_once
            audit_entry_is_read_back
            audit_is_listed_newest_first
            audit_is_listed_by_action
            audit_is_paged
            foreign_audit_entries_do_not_exist
            audit_entries_of_no_tenant_are_invisible_to_tenants
            outbox_claims_what_is_due_once
            outbox_lease_that_ended_is_claimed_again
            outbox_claims_no_more_than_asked
            outbox_claims_only_the_head_of_a_key
            outbox_key_waits_for_a_retry
            outbox_keys_of_tenants_do_not_meet
            outbox_outdated_fence_changes_nothing
            outbox_fence_settles_once
            outbox_retry_is_due_when_it_says
            outbox_reason_of_any_length_is_taken
            outbox_dead_letter_holds_up_nobody
            outbox_dead_letters_are_replayed_oldest_first
            outbox_claim_that_was_dropped_is_no_claim
            outbox_claimers_at_once_never_share
            outbox_is_counted
            sweep_takes_old_relayed_events
            sweep_keeps_what_has_deliveries_to_make
            sweep_takes_no_more_than_asked
            sweep_takes_expired_answers
            inbox_knows_the_second_time
            inbox_is_each_consumers_and_tenants_own
            inbox_forgets_what_was_not_committed
            inbox_has_one_first_time_for_many_at_once
            endpoint_is_read_back
            endpoint_update_is_compare_and_set
            endpoints_are_listed_oldest_first
            endpoints_enabled_are_listed
            endpoint_delete_takes_its_deliveries
            foreign_endpoints_do_not_exist
            delivery_is_read_back
            delivery_is_one_for_endpoint_and_event
            delivery_needs_endpoint_and_event
            deliveries_are_listed_newest_first
            delivery_is_settled_with_its_attempt
            delivery_outdated_fence_changes_nothing
            delivery_is_rescheduled_from_any_state
            foreign_deliveries_do_not_exist
            queue_claims_what_is_due_once
            queue_lease_that_ended_is_claimed_again
            queue_claims_no_more_than_asked
            queue_spares_an_endpoint_that_is_busy
            queue_claims_for_all_tenants
            queue_claimers_at_once_never_share
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
