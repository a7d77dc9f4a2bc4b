//! What every event stream must do. Expand with [`event_stream_conformance!`](crate::event_stream_conformance).
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a case fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{EventFeed, EventFilter, EventStream, EventSubscription, FeedItem};
use crate::context::Actor;
use crate::event::{Audience, StoredEvent};
use crate::id::{EventId, TenantId};
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns `(subject, guard)`: an empty stream that can also be
/// listened to and buffers at least 64 events for a listener, and anything that has to live as long as it.
#[macro_export]
macro_rules! event_stream_conformance {
    ($make:expr) => {
        $crate::event_stream_conformance!(@cases $make;
            event_arrives_unchanged
            nobody_listening_is_fine
            empty_batch_is_fine
            order_of_a_key_is_kept
            every_listener_gets_every_event
            listening_begins_with_the_subscription
            tenant_sees_only_its_own
            internal_events_stay_inside
            kinds_are_filtered
            published_again_arrives_again
            slow_listener_is_told
            waiting_may_be_cancelled
        );
    };
    (@cases $make:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (subject, _guard) = ($make)().await;
                $crate::port::event_stream::conformance::$case(subject).await;
            }
        )*
    };
}

/// An event for tests; `n` tells events apart, `tenant` 0 is none.
#[must_use]
pub fn event(n: u32, tenant: u128, kind: &str) -> StoredEvent {
    StoredEvent {
        id: EventId::from_uuid(Uuid::from_u128(u128::from(n) + 1)),
        tenant: (tenant != 0).then(|| TenantId::from_uuid(Uuid::from_u128(tenant))),
        seq: i64::from(n),
        ordering_key: "key".to_owned(),
        kind: kind.to_owned(),
        subject: format!("subject {n}"),
        audience: Audience::Tenant,
        actor: Actor::System,
        on_behalf_of: None,
        time: Timestamp::EPOCH,
        trace: TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            .expect("a trace"),
        data: json!({ "n": n, "text": "\u{0}\u{1F600}" }),
    }
}

async fn next(listener: &mut Box<dyn EventSubscription>) -> FeedItem {
    tokio::time::timeout(Duration::from_secs(5), listener.next())
        .await
        .expect("an item within 5 s")
        .expect("the stream goes on")
}

async fn next_event(listener: &mut Box<dyn EventSubscription>) -> Arc<StoredEvent> {
    match next(listener).await {
        FeedItem::Event(event) => event,
        FeedItem::Resync { missed } => panic!("missed {missed} events"),
    }
}

async fn publish(subject: &impl EventStream, batch: &[StoredEvent]) {
    subject.publish(batch).await.expect("publish");
}

/// The events that a listener with `filter` gets of `batch`, by `seq`. A second listener, which gets everything, tells
/// when the whole batch has gone through the stream.
async fn seen<S: EventStream + EventFeed>(
    subject: &S,
    filter: EventFilter,
    batch: &[StoredEvent],
) -> Vec<i64> {
    let mut all = subject.subscribe(EventFilter::everything());
    let mut filtered = subject.subscribe(filter);
    publish(subject, batch).await;
    let mut arrived = 0;
    while arrived < batch.len() {
        next_event(&mut all).await;
        arrived += 1;
    }
    let mut seqs = Vec::new();
    while let Ok(Some(item)) = tokio::time::timeout(Duration::from_millis(50), filtered.next()).await {
        match item {
            FeedItem::Event(event) => seqs.push(event.seq),
            FeedItem::Resync { missed } => panic!("missed {missed} events"),
        }
    }
    seqs
}

/// Every field.
pub async fn event_arrives_unchanged<S: EventStream + EventFeed>(subject: S) {
    let mut listener = subject.subscribe(EventFilter::everything());
    let sent = event(1, 7, "a.b");
    publish(&subject, std::slice::from_ref(&sent)).await;
    assert_eq!(*next_event(&mut listener).await, sent);
}

/// The relay goes on.
pub async fn nobody_listening_is_fine<S: EventStream + EventFeed>(subject: S) {
    publish(&subject, &[event(1, 7, "a.b")]).await;
}

/// Nothing to do is done.
pub async fn empty_batch_is_fine<S: EventStream + EventFeed>(subject: S) {
    publish(&subject, &[]).await;
}

/// Within a batch and from batch to batch.
pub async fn order_of_a_key_is_kept<S: EventStream + EventFeed>(subject: S) {
    let mut listener = subject.subscribe(EventFilter::everything());
    let all: Vec<StoredEvent> = (0..50).map(|n| event(n, 7, "a.b")).collect();
    for batch in all.chunks(7) {
        publish(&subject, batch).await;
    }
    for n in 0..50 {
        assert_eq!(next_event(&mut listener).await.seq, n);
    }
}

/// Listeners do not share.
pub async fn every_listener_gets_every_event<S: EventStream + EventFeed>(subject: S) {
    let mut listeners: Vec<_> = (0..5)
        .map(|_| subject.subscribe(EventFilter::everything()))
        .collect();
    publish(&subject, &[event(1, 7, "a.b"), event(2, 7, "a.b")]).await;
    for listener in &mut listeners {
        assert_eq!(next_event(listener).await.seq, 1);
        assert_eq!(next_event(listener).await.seq, 2);
    }
}

/// What was before is not heard, what is after is not missed.
pub async fn listening_begins_with_the_subscription<S: EventStream + EventFeed>(subject: S) {
    publish(&subject, &[event(1, 7, "a.b")]).await;
    let mut listener = subject.subscribe(EventFilter::everything());
    publish(&subject, &[event(2, 7, "a.b")]).await;
    assert_eq!(next_event(&mut listener).await.seq, 2);
}

/// Not those of another tenant, nor those of none.
pub async fn tenant_sees_only_its_own<S: EventStream + EventFeed>(subject: S) {
    let filter = EventFilter::tenant(TenantId::from_uuid(Uuid::from_u128(7)));
    let batch = [
        event(1, 7, "a.b"),
        event(2, 8, "a.b"),
        event(3, 0, "a.b"),
        event(4, 7, "a.b"),
    ];
    assert_eq!(seen(&subject, filter, &batch).await, [1, 4]);
}

/// Even when they belong to the tenant.
pub async fn internal_events_stay_inside<S: EventStream + EventFeed>(subject: S) {
    let mut internal = event(1, 7, "a.b");
    internal.audience = Audience::Internal;
    let filter = EventFilter::tenant(TenantId::from_uuid(Uuid::from_u128(7)));
    assert_eq!(seen(&subject, filter, &[internal, event(2, 7, "a.b")]).await, [2]);
}

/// Exact kinds and families.
pub async fn kinds_are_filtered<S: EventStream + EventFeed>(subject: S) {
    let batch = [
        event(1, 7, "user.created"),
        event(2, 7, "user.deleted"),
        event(3, 7, "username.created"),
        event(4, 7, "tenant.created"),
        event(5, 7, "user"),
    ];
    let everything = EventFilter::everything;
    assert_eq!(
        seen(&subject, everything().kind("user.created"), &batch).await,
        [1]
    );
    assert_eq!(seen(&subject, everything().kind("user.*"), &batch).await, [1, 2]);
    assert_eq!(
        seen(&subject, everything().kind("user").kind("tenant.created"), &batch).await,
        [4, 5]
    );
    assert!(seen(&subject, everything().kind("use*"), &batch).await.is_empty());
}

/// The stream does not promise to dedupe, so consumers must meet duplicates in tests too.
pub async fn published_again_arrives_again<S: EventStream + EventFeed>(subject: S) {
    let mut listener = subject.subscribe(EventFilter::everything());
    let sent = [event(1, 7, "a.b"), event(2, 7, "a.b")];
    publish(&subject, &sent).await;
    publish(&subject, &sent).await;
    let first = next_event(&mut listener).await;
    assert_eq!(first.id, sent[0].id);
}

/// Never silence: a listener that lost events gets `Resync`, then the newest events, and others are not held up.
pub async fn slow_listener_is_told<S: EventStream + EventFeed>(subject: S) {
    let mut slow = subject.subscribe(EventFilter::everything());
    let total = 100_000_i64;
    for start in (0..total).step_by(1000) {
        let batch: Vec<StoredEvent> = (start..start + 1000)
            .filter_map(|n| u32::try_from(n).ok())
            .map(|n| event(n, 7, "a.b"))
            .collect();
        publish(&subject, &batch).await;
    }
    let (mut missed_sum, mut got, mut expected) = (0_i64, 0_i64, 0_i64);
    while expected < total {
        match next(&mut slow).await {
            FeedItem::Resync { missed } => {
                let missed = i64::try_from(missed).expect("small");
                missed_sum += missed;
                expected += missed;
            }
            FeedItem::Event(event) => {
                assert_eq!(event.seq, expected, "a gap without a Resync before it");
                got += 1;
                expected += 1;
            }
        }
    }
    assert!(
        missed_sum > 0,
        "{total} events were buffered for one listener: there is no bound"
    );
    assert_eq!(missed_sum + got, total);
}

/// A dropped wait takes nothing with it.
pub async fn waiting_may_be_cancelled<S: EventStream + EventFeed>(subject: S) {
    let mut listener = subject.subscribe(EventFilter::everything());
    for _ in 0..20 {
        assert!(
            tokio::time::timeout(Duration::from_millis(1), listener.next())
                .await
                .is_err()
        );
    }
    publish(&subject, &[event(1, 7, "a.b")]).await;
    assert_eq!(next_event(&mut listener).await.seq, 1);
}
