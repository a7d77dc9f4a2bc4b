//! Flows of events and webhooks over a store, with real HTTP to a loopback receiver.
//!
//! Cases are generic over the store: `#[macro_use] mod events_suite;`, then `events_flows!(make)` with an async function
//! that gives a harness around a store with empty tables, opened with [`policies`], or `None` when the store cannot be had
//! here.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a case fails by panicking"
)]

mod receiver;
mod stage;

mod audit;
mod outbox;
mod webhooks;

use wisdom_core::conformance::Harness;
use wisdom_core::policy::Policies;
use wisdom_core::unit_of_work::Store;
use wisdom_events::store::{EventsTx, RelayTx};
use wisdom_events::webhook::WebhookPolicy;
use wisdom_tenancy::conformance::{TenancyStore, with_two_tenants};

pub(crate) use audit::*;
pub(crate) use outbox::*;
pub(crate) use webhooks::*;

/// What the flows need a store to be.
pub(crate) trait EventsStore: Store<SystemTx: RelayTx, TenantTx: EventsTx> + TenancyStore {}
impl<S: Store<SystemTx: RelayTx, TenantTx: EventsTx> + TenancyStore + ?Sized> EventsStore for S {}

/// The policies that the kit of the store must have: receivers are on this machine.
pub(crate) fn policies() -> Policies {
    Policies::new().with(WebhookPolicy {
        allow_loopback: true,
        ..WebhookPolicy::default()
    })
}

pub(crate) async fn stage<S: EventsStore + ?Sized>(harness: Harness<S>) -> std::sync::Arc<stage::Stage<S>> {
    stage::Stage::new(with_two_tenants(harness).await)
}

/// Expands to one named test a case.
macro_rules! events_flows {
    ($make:ident) => {
        events_flows!(@cases $make;
            an_event_arrives_signed_once_and_only_at_its_tenant
            a_failed_delivery_is_tried_again_with_the_same_id
            retry_after_is_believed
            gone_disables_at_once_and_enabling_replays_nothing
            five_days_of_failures_disable
            ten_tries_then_dead_then_replayed
            a_rotated_secret_signs_along_for_a_day
            an_example_goes_to_its_endpoint_only
            a_large_event_is_sent_thin
            secrets_are_shown_once
            endpoints_are_counted_and_compared
            another_tenants_endpoint_does_not_exist
            order_holds_for_each_key
            a_poison_event_holds_up_its_key_only_and_ends
            telling_again_delivers_once
            running_workers_deliver_and_stop
            reading_the_audit_log_is_an_entry
        );
    };
    (@cases $make:ident; $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                if let Some(harness) = $make().await {
                    events_suite::$case(&events_suite::stage(harness).await).await;
                }
            }
        )*
    };
}
