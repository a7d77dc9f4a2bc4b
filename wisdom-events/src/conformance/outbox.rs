//! Cases about the outbox, as the relay sees it.

use std::collections::BTreeSet;
use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, record, save};
use wisdom_core::id::EventId;
use wisdom_core::unit_of_work::UnitOfWork as _;

use super::fixtures::{EventsStore, LEASE, about, claim, emit, event, relay_all};
use crate::outbox::{ClaimedEvent, OutboxCounts};
use crate::store::{Fence, RelayTx as _};

fn ids(claimed: &[ClaimedEvent]) -> Vec<EventId> {
    claimed.iter().map(|one| one.event.id).collect()
}

async fn complete<S: EventsStore + ?Sized>(h: &Harness<S>, id: EventId, fence: Fence) -> bool {
    let mut tx = h.system().await;
    let done = tx
        .outbox()
        .complete(id, fence, h.test().now())
        .await
        .expect("complete");
    save(tx).await;
    done
}

async fn retry<S: EventsStore + ?Sized>(h: &Harness<S>, id: EventId, fence: Fence, after: Duration) -> bool {
    let mut tx = h.system().await;
    let due = h.test().now().saturating_add(after);
    let done = tx
        .outbox()
        .retry(id, fence, due, "no answer")
        .await
        .expect("retry");
    save(tx).await;
    done
}

async fn bury<S: EventsStore + ?Sized>(h: &Harness<S>, id: EventId, fence: Fence) -> bool {
    let mut tx = h.system().await;
    let done = tx
        .outbox()
        .bury(id, fence, h.test().now(), "poison")
        .await
        .expect("bury");
    save(tx).await;
    done
}

async fn replay<S: EventsStore + ?Sized>(h: &Harness<S>, limit: u32) -> u64 {
    let mut tx = h.system().await;
    let replayed = tx
        .outbox()
        .replay_dead(limit, h.test().now())
        .await
        .expect("replay_dead");
    save(tx).await;
    replayed
}

async fn counts<S: EventsStore + ?Sized>(h: &Harness<S>) -> OutboxCounts {
    h.system_read().await.outbox().counts().await.expect("counts")
}

/// What is committed is due at once, and a claim holds it for the length of the lease.
pub async fn outbox_claims_what_is_due_once<S: EventsStore + ?Sized>(h: &Harness<S>) {
    assert_eq!(claim(h, 10).await, []);
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let claimed = claim(h, 10).await;
    assert_eq!(ids(&claimed), [id]);
    assert_eq!(claimed[0].attempts, 1);
    assert_eq!(Some(&claimed[0].event), event(h, h.tenant(0), id).await.as_ref());
    assert_eq!(claim(h, 10).await, []);
    h.test().advance(LEASE.saturating_sub(Duration::from_micros(1)));
    assert_eq!(claim(h, 10).await, [], "the lease still runs");
}

/// When a lease ends without a settlement, another claims the event, with a count and a fence of its own.
pub async fn outbox_lease_that_ended_is_claimed_again<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let mut fences = Vec::new();
    for attempts in 1..=4 {
        let claimed = claim(h, 10).await;
        assert_eq!(ids(&claimed), [id]);
        assert_eq!(claimed[0].attempts, attempts);
        assert!(!fences.contains(&claimed[0].fence), "a fence comes once");
        fences.push(claimed[0].fence);
        h.test().advance(LEASE);
    }
}

/// A claim takes as many as asked for, what is due longest first.
pub async fn outbox_claims_no_more_than_asked<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mut emitted = Vec::new();
    for number in 0..5 {
        emitted.extend(emit(h, h.tenant(number % 2), &[&format!("key{number}")]).await);
        h.test().advance(Duration::from_secs(1));
    }
    let mut seen = Vec::new();
    for expected in [2, 2, 1, 0] {
        let mut claimed = ids(&claim(h, 2).await);
        assert_eq!(claimed.len(), expected);
        claimed.sort();
        seen.extend(claimed);
    }
    assert_eq!(seen, emitted, "in the order in which they fell due");
}

/// Of one key the next event is claimed when the one before it is relayed, and other keys do not wait.
pub async fn outbox_claims_only_the_head_of_a_key<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let emitted = emit(h, h.tenant(0), &["a", "a", "b", "a"]).await;
    let heads = claim(h, 10).await;
    let found: BTreeSet<_> = ids(&heads).into_iter().collect();
    assert_eq!(found, BTreeSet::from([emitted[0], emitted[2]]));
    assert_eq!(claim(h, 10).await, [], "a claimed head holds its key");
    let mut head = heads
        .into_iter()
        .find(|one| one.event.id == emitted[0])
        .expect("the head of a");
    for next in [emitted[1], emitted[3]] {
        assert!(complete(h, head.event.id, head.fence).await);
        let mut claimed = claim(h, 10).await;
        assert_eq!(ids(&claimed), [next]);
        head = claimed.remove(0);
    }
}

/// While the head of a key waits for its next try, the key waits with it, and no other.
pub async fn outbox_key_waits_for_a_retry<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let emitted = emit(h, h.tenant(0), &["a", "a"]).await;
    let head = claim(h, 10).await.remove(0);
    assert!(retry(h, head.event.id, head.fence, Duration::from_mins(10)).await);
    let other = emit(h, h.tenant(0), &["b"]).await[0];
    assert_eq!(
        ids(&claim(h, 10).await),
        [other],
        "the second of the key must not overtake"
    );
    h.test().advance(Duration::from_mins(10));
    let due: BTreeSet<_> = ids(&claim(h, 10).await).into_iter().collect();
    assert_eq!(due, BTreeSet::from([emitted[0], other]));
}

/// The same key in another tenant, or in none, is another key.
pub async fn outbox_keys_of_tenants_do_not_meet<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mut expected = BTreeSet::new();
    expected.extend(emit(h, h.tenant(0), &["a"]).await);
    expected.extend(emit(h, h.tenant(1), &["a"]).await);
    let tx = h.system().await;
    let told = record(tx.frame(), vec![about("a"), about("a")], None);
    expected.insert(told.events()[0].id);
    tx.commit(told).await.expect("commit");
    let claimed: BTreeSet<_> = ids(&claim(h, 10).await).into_iter().collect();
    assert_eq!(claimed, expected);
}

/// Who lost the lease settles nothing.
pub async fn outbox_outdated_fence_changes_nothing<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let old = claim(h, 10).await[0].fence;
    h.test().advance(LEASE);
    let new = claim(h, 10).await[0].fence;
    assert!(!complete(h, id, old).await);
    assert!(!retry(h, id, old, Duration::ZERO).await);
    assert!(!bury(h, id, old).await);
    assert!(
        !complete(h, h.test().id(), new).await,
        "nor does anybody settle what is not there"
    );
    assert_eq!(claim(h, 10).await, [], "the new lease runs");
    assert_eq!(counts(h).await.pending, 1);
    assert!(complete(h, id, new).await, "who holds the lease does");
    assert_eq!(counts(h).await, OutboxCounts::default());
}

/// A claim ends with its settlement.
pub async fn outbox_fence_settles_once<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let fence = claim(h, 10).await[0].fence;
    assert!(retry(h, id, fence, Duration::from_secs(5)).await);
    assert!(!complete(h, id, fence).await, "it was given back");
    assert!(!bury(h, id, fence).await, "it was given back");
    h.test().advance(Duration::from_secs(5));
    let fence = claim(h, 10).await[0].fence;
    assert!(complete(h, id, fence).await);
    assert!(!retry(h, id, fence, Duration::ZERO).await, "it was relayed");
    assert_eq!(claim(h, 10).await, []);
}

/// An event that was given back is due when its relay said, not before and not after its lease.
pub async fn outbox_retry_is_due_when_it_says<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    for (attempts, seconds) in [(1, 5), (2, 3600)] {
        let claimed = claim(h, 10).await;
        assert_eq!((claimed[0].event.id, claimed[0].attempts), (id, attempts));
        assert!(retry(h, id, claimed[0].fence, Duration::from_secs(seconds)).await);
        h.test()
            .advance(Duration::from_secs(seconds).saturating_sub(Duration::from_micros(1)));
        assert_eq!(claim(h, 10).await, []);
        h.test().advance(Duration::from_micros(1));
    }
    assert_eq!(claim(h, 10).await[0].attempts, 3);
}

/// A long reason, of whatever characters, is cut and not refused.
pub async fn outbox_reason_of_any_length_is_taken<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let fence = claim(h, 10).await[0].fence;
    let mut tx = h.system().await;
    let reason = "größer\u{1F600}'\"".repeat(1000);
    let now = h.test().now();
    assert!(tx.outbox().retry(id, fence, now, &reason).await.expect("retry"));
    save(tx).await;
    let fence = claim(h, 10).await[0].fence;
    let mut tx = h.system().await;
    assert!(tx.outbox().bury(id, fence, now, &reason).await.expect("bury"));
    save(tx).await;
}

/// After its last try an event is out of the way of the next of its key.
pub async fn outbox_dead_letter_holds_up_nobody<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let emitted = emit(h, h.tenant(0), &["a", "a"]).await;
    let fence = claim(h, 10).await[0].fence;
    assert!(bury(h, emitted[0], fence).await);
    assert_eq!(ids(&claim(h, 10).await), [emitted[1]]);
    h.test().advance(Duration::from_hours(24));
    assert_eq!(
        ids(&claim(h, 10).await),
        [emitted[1]],
        "a dead letter is never claimed"
    );
    let counted = counts(h).await;
    assert_eq!((counted.pending, counted.dead), (1, 1));
    assert!(event(h, h.tenant(0), emitted[0]).await.is_some(), "it is kept");
}

/// Dead letters come back to life when asked for, the oldest first.
pub async fn outbox_dead_letters_are_replayed_oldest_first<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mut emitted = Vec::new();
    for key in ["a", "b", "c"] {
        let id = emit(h, h.tenant(0), &[key]).await[0];
        let fence = claim(h, 10).await[0].fence;
        assert!(bury(h, id, fence).await);
        emitted.push(id);
        h.test().advance(Duration::from_secs(1));
    }
    assert_eq!(replay(h, 2).await, 2);
    assert_eq!(counts(h).await.dead, 1);
    let claimed: BTreeSet<_> = ids(&claim(h, 10).await).into_iter().collect();
    assert_eq!(claimed, BTreeSet::from([emitted[0], emitted[1]]));
    assert_eq!(replay(h, 10).await, 1);
    assert_eq!(ids(&claim(h, 10).await), [emitted[2]]);
    assert_eq!(replay(h, 10).await, 0);
}

/// A claim counts once it is committed.
pub async fn outbox_claim_that_was_dropped_is_no_claim<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(0), &["a"]).await[0];
    let mut tx = h.system().await;
    assert_eq!(
        tx.outbox()
            .claim(10, h.test().now(), LEASE)
            .await
            .expect("claim")
            .len(),
        1
    );
    drop(tx);
    // A store may undo what was dropped a moment later, and rows that are still locked are passed over meanwhile.
    let mut claimed = claim(h, 10).await;
    for _ in 0..500 {
        if !claimed.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        claimed = claim(h, 10).await;
    }
    assert_eq!(ids(&claimed), [id]);
    assert_eq!(claimed[0].attempts, 1);
}

/// However many claim at the same moment, no event goes to two of them, and none is forgotten.
pub async fn outbox_claimers_at_once_never_share<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let keys: Vec<String> = (0..60).map(|number| format!("key{number}")).collect();
    let subjects: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut emitted = emit(h, h.tenant(0), &subjects).await;
    let claims = parallel(8, |_| {
        let h = h.clone();
        async move {
            let mut mine = Vec::new();
            for _ in 0..6 {
                mine.extend(ids(&claim(&h, 5).await));
            }
            mine
        }
    })
    .await;
    let mut claimed: Vec<EventId> = claims.into_iter().flatten().collect();
    // Rows that others were claiming are skipped, so the last of them may be left over.
    claimed.extend(ids(&claim(h, 100).await));
    claimed.sort();
    emitted.sort();
    assert_eq!(claimed, emitted);
}

/// The counts are those of all tenants, claimed events are still to be relayed, and the oldest tells its age.
pub async fn outbox_is_counted<S: EventsStore + ?Sized>(h: &Harness<S>) {
    assert_eq!(counts(h).await, OutboxCounts::default());
    let first = h.test().now();
    emit(h, h.tenant(0), &["a"]).await;
    let second = h.test().advance(Duration::from_mins(1));
    emit(h, h.tenant(1), &["a", "b"]).await;
    assert_eq!(
        counts(h).await,
        OutboxCounts {
            pending: 3,
            dead: 0,
            oldest_pending: Some(first)
        }
    );
    let claimed = claim(h, 1).await;
    assert_eq!(counts(h).await.pending, 3);
    assert!(complete(h, claimed[0].event.id, claimed[0].fence).await);
    assert_eq!(
        counts(h).await,
        OutboxCounts {
            pending: 2,
            dead: 0,
            oldest_pending: Some(second)
        }
    );
    relay_all(h).await;
    assert_eq!(counts(h).await, OutboxCounts::default());
}
