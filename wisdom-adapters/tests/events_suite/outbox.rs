//! Outbox, relay and workers.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wisdom_core::catalogue::Host as _;
use wisdom_events::outbox::replay_dead_letters::ReplayDeadLetters;

use super::EventsStore;
use super::receiver::Listener;
use super::stage::Stage;

pub(crate) async fn order_holds_for_each_key<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let subjects: Vec<String> = (0..60).map(|n| format!("key-{}", n % 4)).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    stage.emit(0, &subjects).await;
    stage.emit(1, &["key-0", "other"]).await;
    stage.ledger.fail("key-1", 2);
    stage.settle().await;
    // Two retries of the full wait each, in case the jitter drew it.
    for _ in 0..2 {
        stage.advance(Duration::from_secs(20));
        stage.settle().await;
    }
    for key in ["key-1", "key-2", "key-3"] {
        assert_eq!(
            stage.ledger.sequence_of(key),
            (1..=15).collect::<Vec<_>>(),
            "{key}"
        );
    }
    // The same key of another tenant is another key: its number 1 may come anywhere.
    let mut both = stage.ledger.sequence_of("key-0");
    assert_eq!(both.iter().filter(|seq| **seq == 1).count(), 2);
    both.sort_unstable();
    both.dedup();
    assert_eq!(both, (1..=15).collect::<Vec<_>>());
}

pub(crate) async fn a_poison_event_holds_up_its_key_only_and_ends<S: EventsStore + ?Sized>(
    stage: &Arc<Stage<S>>,
) {
    stage.ledger.fail("poison", 12);
    stage.emit(0, &["poison", "poison", "good"]).await;
    stage.settle().await;
    assert_eq!(stage.ledger.told(), [("good".to_owned(), 1)]);
    for tries in 2..=12 {
        assert_eq!(
            stage.ledger.sequence_of("poison"),
            [] as [i64; 0],
            "before try {tries}"
        );
        stage.advance(Duration::from_hours(1));
        stage.settle().await;
    }
    assert_eq!(
        stage.ledger.sequence_of("poison"),
        [2],
        "buried, and its key goes on"
    );

    let replay = ReplayDeadLetters { limit: 10 };
    let system = stage.harness.test().system();
    assert_eq!(stage.runner().system(&system, &replay).await.unwrap().events, 1);
    stage.settle().await;
    assert_eq!(stage.ledger.sequence_of("poison"), [2, 1]);
    assert_eq!(stage.runner().system(&system, &replay).await.unwrap().events, 0);
}

pub(crate) async fn telling_again_delivers_once<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    let endpoint = stage.endpoint(0, &listener, &[]).await;
    // The webhooks' consumer does its part each time; the ledger fails, so that all are told again.
    stage.ledger.fail("a", 3);
    stage.emit(0, &["a"]).await;
    for _ in 0..4 {
        stage.settle().await;
        stage.advance(Duration::from_mins(1));
    }
    assert_eq!(stage.ledger.sequence_of("a"), [1]);
    assert_eq!(listener.seen().len(), 1);
    assert_eq!(stage.deliveries(0, &endpoint).await.len(), 1);
}

pub(crate) async fn running_workers_deliver_and_stop<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    stage.endpoint(0, &listener, &[]).await;
    let stop = CancellationToken::new();
    let (relay, worker) = (stage.relay(), stage.worker());
    let token = stop.clone();
    let relaying = tokio::spawn(async move { relay.run(token).await });
    let token = stop.clone();
    let delivering = tokio::spawn(async move { worker.run(token).await });
    let subjects: Vec<String> = (0..30).map(|n| format!("s-{n}")).collect();
    stage
        .emit(0, &subjects.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let arrived = async {
        while listener.seen().len() < 30 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived)
        .await
        .expect("all arrive");
    stop.cancel();
    let stopped = async { (relaying.await.unwrap(), delivering.await.unwrap()) };
    tokio::time::timeout(Duration::from_secs(10), stopped)
        .await
        .expect("workers stop");
    let mut ids: Vec<String> = listener
        .seen()
        .iter()
        .map(|message| message.header("webhook-id").to_owned())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), listener.seen().len()), (30, 30));
}
