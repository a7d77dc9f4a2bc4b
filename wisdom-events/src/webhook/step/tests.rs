use proptest::prelude::*;
use wisdom_core::id::{IdSourceExt as _, ManualIds, kind};
use wisdom_core::value::HttpsUrl;

use super::*;
use crate::webhook::WebhookPolicy;
use crate::webhook::schedule::{MAX_ASKED, OVERLOADED};

const DAY: Duration = Duration::from_hours(24);

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_790_000_000).unwrap()
}

fn endpoint(failing_since: Option<Timestamp>) -> Endpoint {
    Endpoint {
        id: ManualIds::new(1).id::<kind::Endpoint>(),
        url: HttpsUrl::parse("https://hooks.acme.test/").unwrap(),
        description: String::new(),
        event_kinds: Vec::new(),
        enabled: true,
        disabled_reason: None,
        failing_since,
        secrets: Vec::new(),
        created_at: now(),
        version: 1,
    }
}

fn delivery(attempts: i32) -> Delivery {
    let ids = ManualIds::new(2);
    Delivery {
        id: ids.id::<kind::Delivery>(),
        endpoint: ids.id::<kind::Endpoint>(),
        event: ids.id::<kind::Event>(),
        event_kind: "thing.made".to_owned(),
        state: DeliveryState::Pending,
        attempts,
        due_at: now(),
        created_at: now(),
    }
}

const fn answered(status: u16) -> AttemptResult {
    AttemptResult::Answered {
        status,
        retry_after_s: None,
    }
}

fn step(attempts: i32, endpoint: &Endpoint, result: AttemptResult) -> Step {
    next_step(
        &delivery(attempts),
        endpoint,
        result,
        now(),
        u32::MAX / 2,
        WebhookPolicy::default().disable_after,
    )
}

#[test]
fn only_2xx_delivers() {
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(
            step(1, &endpoint(None), answered(status)).state,
            DeliveryState::Delivered
        );
    }
    for status in [
        100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 429, 500, 503,
    ] {
        assert_eq!(
            step(1, &endpoint(None), answered(status)).state,
            DeliveryState::Pending,
            "{status}"
        );
    }
}

#[test]
fn gone_disables_at_once() {
    let step = step(1, &endpoint(None), answered(410));
    assert_eq!(
        (step.state, step.health),
        (DeliveryState::Dead, Health::Disabled(DisableReason::Gone))
    );
}

#[test]
fn failing_counts_from_the_first_failure_and_ends_with_a_success() {
    let failed = step(1, &endpoint(None), answered(500));
    assert_eq!(failed.health, Health::FailingSince(now()));
    let since = |days: u32| endpoint(Some(now().saturating_sub(DAY * days)));
    assert_eq!(step(1, &since(4), answered(500)).health, Health::Unchanged);
    let disabled = step(1, &since(5), answered(500));
    assert_eq!(disabled.health, Health::Disabled(DisableReason::Failing));
    assert_eq!(disabled.state, DeliveryState::Dead);
    assert_eq!(step(1, &since(5), answered(200)).health, Health::Recovered);
    assert_eq!(step(1, &endpoint(None), answered(200)).health, Health::Unchanged);
}

#[test]
fn our_own_faults_do_not_count_against_the_receiver() {
    for reason in [Unsent::SecretSealed, Unsent::Internal] {
        let step = step(
            1,
            &endpoint(Some(now().saturating_sub(DAY * 9))),
            AttemptResult::Unsent { reason },
        );
        assert_eq!(
            (step.state, step.health),
            (DeliveryState::Pending, Health::Unchanged)
        );
    }
    for reason in [Unsent::Disabled, Unsent::EventMissing, Unsent::TooLarge] {
        let step = step(1, &endpoint(None), AttemptResult::Unsent { reason });
        assert_eq!(
            (step.state, step.health),
            (DeliveryState::Dead, Health::Unchanged)
        );
    }
}

#[test]
fn a_disabled_endpoint_stays_as_it_is() {
    let mut disabled = endpoint(Some(now()));
    disabled.enabled = false;
    for result in [answered(200), answered(410), answered(500)] {
        assert_eq!(step(1, &disabled, result).health, Health::Unchanged);
    }
    assert_eq!(step(1, &disabled, answered(500)).state, DeliveryState::Dead);
    assert_eq!(step(1, &disabled, answered(204)).state, DeliveryState::Delivered);
}

#[test]
fn the_tenth_failure_is_the_last() {
    assert_eq!(
        step(9, &endpoint(None), answered(500)).state,
        DeliveryState::Pending
    );
    assert_eq!(
        step(10, &endpoint(None), answered(500)).state,
        DeliveryState::Dead
    );
}

fn any_result() -> impl Strategy<Value = AttemptResult> {
    prop_oneof![
        (100_u16..600, proptest::option::of(0_u64..1_000_000)).prop_map(|(status, retry_after_s)| {
            AttemptResult::Answered {
                status,
                retry_after_s,
            }
        }),
        prop_oneof![
            Just(NoAnswer::Timeout),
            Just(NoAnswer::Unavailable),
            Just(NoAnswer::Refused),
            Just(NoAnswer::Protocol)
        ]
        .prop_map(|error| AttemptResult::NoAnswer { error }),
        prop_oneof![
            Just(Unsent::Disabled),
            Just(Unsent::TooLarge),
            Just(Unsent::SecretSealed)
        ]
        .prop_map(|reason| AttemptResult::Unsent { reason }),
    ]
}

proptest! {
    #[test]
    fn every_step_obeys_the_rules(
        attempts in 1_i32..15,
        failing_for in proptest::option::of(0_u64..900_000),
        enabled: bool,
        result in any_result(),
        noise: u32,
    ) {
        let since = failing_for.map(|s| now().saturating_sub(Duration::from_secs(s)));
        let endpoint = Endpoint { enabled, ..endpoint(since) };
        let disable_after = WebhookPolicy::default().disable_after;
        let step = next_step(&delivery(attempts), &endpoint, result, now(), noise, disable_after);

        prop_assert_eq!(step.state == DeliveryState::Delivered, result.is_success());
        if step.state == DeliveryState::Pending {
            let wait = step.due_at.since(now());
            prop_assert!(enabled && attempts < 10 && !matches!(step.health, Health::Disabled(_)));
            prop_assert!(wait >= Duration::from_secs(4) && wait <= MAX_ASKED.mul_f64(1.2));
            if let AttemptResult::Answered { status, retry_after_s } = result {
                prop_assert!(wait >= Duration::from_secs(retry_after_s.unwrap_or(0)).min(MAX_ASKED));
                prop_assert!(!matches!(status, 429 | 502 | 504) || wait >= OVERLOADED);
            }
            if result == (AttemptResult::NoAnswer { error: NoAnswer::Timeout }) {
                prop_assert!(wait >= OVERLOADED);
            }
        }
        let gone = matches!(result, AttemptResult::Answered { status: 410, .. });
        prop_assert!(!gone || !enabled || step.health == Health::Disabled(DisableReason::Gone));
        prop_assert!(enabled || step.health == Health::Unchanged);
    }

    #[test]
    fn an_endpoint_that_only_fails_ends_disabled_or_its_deliveries_dead(noise: u32) {
        // One delivery after the other, each until it ends, time moving as the schedule says.
        let mut time = now();
        let mut endpoint = endpoint(None);
        let disable_after = WebhookPolicy::default().disable_after;
        for _ in 0..5 {
            let mut delivery = delivery(0);
            loop {
                delivery.attempts += 1;
                let step = next_step(&delivery, &endpoint, answered(500), time, noise, disable_after);
                match step.health {
                    Health::FailingSince(since) => endpoint.failing_since = Some(since),
                    Health::Disabled(reason) => {
                        prop_assert_eq!(reason, DisableReason::Failing);
                        prop_assert!(time.since(now()) >= disable_after);
                        return Ok(());
                    }
                    Health::Unchanged => {}
                    Health::Recovered => prop_assert!(false, "it never worked"),
                }
                if step.state == DeliveryState::Dead {
                    prop_assert_eq!(delivery.attempts, 10);
                    break;
                }
                prop_assert!(step.due_at > time);
                time = step.due_at;
            }
        }
        prop_assert!(false, "five deliveries take longer than five days");
    }
}
