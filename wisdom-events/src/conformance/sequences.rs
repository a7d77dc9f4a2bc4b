//! Cases about the order of events of one key.

use wisdom_core::conformance::{Harness, parallel, record};
use wisdom_core::id::TenantId;
use wisdom_core::unit_of_work::UnitOfWork as _;

use super::fixtures::{EventsStore, about, emit, event, relay_all};

async fn seqs<S: EventsStore + ?Sized>(h: &Harness<S>, tenant: TenantId, subjects: &[&str]) -> Vec<i64> {
    let mut seqs = Vec::new();
    for id in emit(h, tenant, subjects).await {
        seqs.push(event(h, tenant, id).await.expect("the event").seq);
    }
    seqs
}

/// Every key counts from one, within a commit and from one commit to the next.
pub async fn sequence_counts_each_key_from_one<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    assert_eq!(seqs(h, tenant, &["x", "y", "x", "x"]).await, [1, 1, 2, 3]);
    assert_eq!(seqs(h, tenant, &["y", "x", "z"]).await, [2, 4, 1]);
    let relayed = relay_all(h).await;
    for key in ["x", "y", "z"] {
        let order: Vec<i64> = relayed
            .iter()
            .filter(|event| event.ordering_key == key)
            .map(|e| e.seq)
            .collect();
        let expected: Vec<i64> = (1..).take(order.len()).collect();
        assert_eq!(order, expected, "{key} is relayed in order");
    }
    assert_eq!(
        seqs(h, tenant, &["x"]).await,
        [5],
        "what was relayed still counts"
    );
}

/// The same key in another tenant is another key.
pub async fn sequence_is_each_tenants_own<S: EventsStore + ?Sized>(h: &Harness<S>) {
    assert_eq!(seqs(h, h.tenant(0), &["x", "x"]).await, [1, 2]);
    assert_eq!(seqs(h, h.tenant(1), &["x"]).await, [1]);
    assert_eq!(seqs(h, h.tenant(0), &["x"]).await, [3]);
}

/// However many commit at the same moment, each gets a place of its own and none is left out.
pub async fn sequence_has_no_gap_when_many_commit_at_once<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let answers = parallel(16, |number| {
        let h = h.clone();
        async move {
            let own = format!("own{number}");
            let subjects = ["shared", own.as_str(), "shared"];
            emit(&h, tenant, &subjects).await
        }
    })
    .await;
    let mut shared = Vec::new();
    for ids in answers {
        let first = event(h, tenant, ids[0]).await.expect("the event").seq;
        let second = event(h, tenant, ids[2]).await.expect("the event").seq;
        assert_eq!(
            second,
            first + 1,
            "nobody comes in between the events of one commit"
        );
        assert_eq!(event(h, tenant, ids[1]).await.expect("the event").seq, 1);
        shared.extend([first, second]);
    }
    shared.sort_unstable();
    let expected: Vec<i64> = (1..=32).collect();
    assert_eq!(shared, expected);
}

/// A commit that was refused after its first event took no place.
pub async fn sequence_has_no_gap_after_a_rollback<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    assert_eq!(seqs(h, tenant, &["x"]).await, [1]);
    // The second commit of a record fails: its events are there already.
    let tx = h.of(tenant).await;
    let told = record(tx.frame(), vec![about("y")], None);
    tx.commit(told.clone()).await.expect("commit");
    let tx = h.of(tenant).await;
    tx.commit(told).await.expect_err("the event's id is taken");
    assert_eq!(seqs(h, tenant, &["y"]).await, [2]);
}
