use async_trait::async_trait;
use serde_json::Value;
use wisdom_core::context::Actor;
use wisdom_core::event::Audience;
use wisdom_core::id::{IdSourceExt as _, ManualIds, kind};
use wisdom_core::time::Timestamp;
use wisdom_core::trace::TraceContext;

use super::*;
use crate::bus::ConsumerError;
use crate::store::Fence;

fn event() -> ClaimedEvent {
    let event = StoredEvent {
        id: ManualIds::new(1).id::<kind::Event>(),
        tenant: None,
        seq: 1,
        ordering_key: "k".to_owned(),
        kind: "thing.made".to_owned(),
        subject: "s".to_owned(),
        audience: Audience::Internal,
        actor: Actor::System,
        on_behalf_of: None,
        time: Timestamp::EPOCH,
        trace: TraceContext {
            trace_id: [1; 16],
            span_id: [1; 8],
            flags: 0,
        },
        data: Value::Null,
    };
    ClaimedEvent {
        event,
        attempts: 1,
        fence: Fence(1),
    }
}

#[derive(Debug)]
enum Does {
    Well,
    Fail(Retry),
    Panic,
    Hang,
}

#[derive(Debug)]
struct Probe(&'static str, Does);

#[async_trait]
impl Consumer for Probe {
    fn name(&self) -> &'static str {
        self.0
    }
    fn wants(&self, kind: &str) -> bool {
        kind.starts_with("thing.")
    }
    async fn handle(&self, _: &StoredEvent) -> Result<(), ConsumerError> {
        match self.1 {
            Does::Well => Ok(()),
            Does::Fail(retry) => Err(ConsumerError::new(retry, "no")),
            Does::Panic => panic!("consumer's fault"),
            Does::Hang => std::future::pending().await,
        }
    }
}

async fn verdict(probes: Vec<Probe>, attempts: i32) -> Verdict {
    let consumers = probes
        .into_iter()
        .map(|p| Arc::new(p) as Arc<dyn Consumer>)
        .collect();
    let bus = Bus::new(consumers).unwrap();
    let claimed = ClaimedEvent { attempts, ..event() };
    tell(&bus, &claimed, &OutboxPolicy::default(), u32::MAX).await
}

#[tokio::test(start_paused = true)]
async fn all_well_or_nobody_there_is_complete() {
    assert_eq!(verdict(vec![], 1).await, Verdict::Complete);
    assert_eq!(
        verdict(vec![Probe("a", Does::Well), Probe("b", Does::Well)], 12).await,
        Verdict::Complete
    );
}

#[tokio::test(start_paused = true)]
async fn failing_panicking_and_hanging_consumers_are_tried_again() {
    for (does, text) in [
        (Does::Fail(Retry::Backoff), "b: no"),
        (Does::Panic, "b: panicked"),
        (Does::Hang, "b: took too long"),
    ] {
        let verdict = verdict(vec![Probe("a", Does::Well), Probe("b", does)], 1).await;
        assert_eq!(
            verdict,
            Verdict::Retry {
                after_ms: 5_000,
                reason: text.to_owned()
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_hopeless_consumer_waits_for_the_others() {
    let never = || Probe("a", Does::Fail(Retry::Never));
    assert!(matches!(verdict(vec![never()], 1).await, Verdict::Bury { .. }));
    let both = vec![
        never(),
        Probe("b", Does::Fail(Retry::After(Duration::from_mins(2)))),
    ];
    let expected = Verdict::Retry {
        after_ms: 120_000,
        reason: "a: no; b: no".to_owned(),
    };
    assert_eq!(verdict(both, 1).await, expected);
}

#[tokio::test(start_paused = true)]
async fn tries_end_also_when_the_last_one_never_ended() {
    let fails = || vec![Probe("a", Does::Fail(Retry::Backoff))];
    assert!(matches!(verdict(fails(), 11).await, Verdict::Retry { .. }));
    assert!(matches!(verdict(fails(), 12).await, Verdict::Bury { .. }));
    assert!(matches!(
        verdict(vec![Probe("a", Does::Hang)], 13).await,
        Verdict::Bury { .. }
    ));
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let failures = [("a", Retry::Never, "ü".repeat(400))];
    match judge(&failures, &Backoff::default(), 1, 0) {
        Verdict::Bury { reason } => assert!(reason.len() <= MAX_REASON && reason.ends_with('ü')),
        other => panic!("{other:?}"),
    }
}
