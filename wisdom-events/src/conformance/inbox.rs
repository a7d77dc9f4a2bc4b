//! Cases about the inbox.

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::id::{EventId, TenantId};
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{EventsStore, emit};
use crate::store::EventsRepositories as _;

async fn first_time<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    consumer: &str,
    id: EventId,
) -> bool {
    retrying(|| async {
        let mut tx = h.begin(tenant, Effect::Write).await?;
        let first = tx.inbox().first_time(consumer, id).await?;
        try_save(tx).await?;
        Ok(first)
    })
    .await
    .expect("first_time")
}

/// An event is new to a consumer once, within a unit of work and from one to the next.
pub async fn inbox_knows_the_second_time<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let mut tx = h.of(h.tenant(0)).await;
    assert!(tx.inbox().first_time("mail", id).await.expect("first_time"));
    assert!(!tx.inbox().first_time("mail", id).await.expect("first_time"));
    save(tx).await;
    assert!(!first_time(h, h.tenant(0), "mail", id).await);
}

/// What one consumer has seen says nothing of another, of another event, or of another tenant.
pub async fn inbox_is_each_consumers_and_tenants_own<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let ids = emit(h, h.tenant(0), &["a", "b"]).await;
    assert!(first_time(h, h.tenant(0), "mail", ids[0]).await);
    assert!(first_time(h, h.tenant(0), "webhooks", ids[0]).await);
    assert!(first_time(h, h.tenant(0), "mail", ids[1]).await);
    assert!(first_time(h, h.tenant(1), "mail", ids[0]).await);
}

/// What was not committed was not seen.
pub async fn inbox_forgets_what_was_not_committed<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let mut tx = h.of(h.tenant(0)).await;
    assert!(tx.inbox().first_time("mail", id).await.expect("first_time"));
    drop(tx);
    assert!(first_time(h, h.tenant(0), "mail", id).await);
}

/// Of many who handle an event at the same moment, one is the first.
pub async fn inbox_has_one_first_time_for_many_at_once<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let answers = parallel(16, |_| {
        let h = h.clone();
        async move { first_time(&h, h.tenant(0), "mail", id).await }
    })
    .await;
    assert_eq!(answers.iter().filter(|first| **first).count(), 1);
}
