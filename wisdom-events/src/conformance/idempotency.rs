//! Cases about idempotency keys, through the runner that claims them.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::{Access, Permission, Role};
use wisdom_core::audit::AuditEntry;
use wisdom_core::conformance::{CaseError, Harness, parallel};
use wisdom_core::context::TenantContext;
use wisdom_core::id::{EndpointId, IdSourceExt as _, TenantId, UserId};
use wisdom_core::idempotency::{IdempotencyClaim, IdempotencyKey, KEPT_FOR};
use wisdom_core::outcome::Outcome;
use wisdom_core::page::PageRequest;
use wisdom_core::runner::{Once, OnceError, RetryPolicy, Runner};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::fixtures::{EventsStore, about, endpoint, relay_all};
use crate::store::{EventsRepositories as _, EventsTx, RelayTx};

/// Adds an endpoint, an event and an audit entry, and answers with a new id.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Touch {
    refuse: bool,
}

impl Operation for Touch {
    const NAME: &'static str = "conformance.thing.touch";
    const SUMMARY: &'static str = "Touches a thing.";
    const ACCESS: Access = Access::Tenant(Permission::new("conformance.thing.touch", Role::Member));
    const EFFECT: Effect = Effect::Write;
    type Output = String;
    type Error = CaseError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for Touch {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<String>, CaseError> {
        let frame = Arc::clone(tx.frame());
        let id: EndpointId = frame.kit().ids.id();
        tx.endpoints().insert(&endpoint(id, frame.now())).await?;
        if self.refuse {
            return Err(CaseError::Refused);
        }
        Ok(Outcome::audited(id.to_string(), AuditEntry::on("thing", id)).emit(about("touched")))
    }
}

/// Counts the outbox and emits an event, outside of any tenant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Count {}

impl Operation for Count {
    const NAME: &'static str = "conformance.outbox.count";
    const SUMMARY: &'static str = "Counts the outbox.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = i64;
    type Error = CaseError;
}

impl<Tx: RelayTx + ?Sized> UseCase<Tx> for Count {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<i64>, CaseError> {
        let pending = tx.outbox().counts().await?.pending;
        Ok(Outcome::unaudited(pending, "a case").emit(about("counted")))
    }
}

fn runner<S: EventsStore + ?Sized>(h: &Harness<S>) -> Runner<S> {
    let retry = RetryPolicy {
        attempts: 50,
        ..RetryPolicy::default()
    };
    Runner::new(Arc::clone(h.store()), Arc::clone(h.test().kit()), retry)
}

fn claim(context: &TenantContext, key: &str, fingerprint: u8) -> IdempotencyClaim {
    IdempotencyClaim {
        tenant: Some(context.tenant()),
        caller: context.principal().expect("a member").caller_id(),
        key: IdempotencyKey::parse(key).expect("a key"),
        fingerprint: [fingerprint; 32],
    }
}

async fn touch<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    context: &TenantContext,
    key: &str,
    fingerprint: u8,
) -> Result<Once<String>, OnceError<CaseError>> {
    let claim = claim(context, key, fingerprint);
    runner(h)
        .tenant_once(context, &Touch { refuse: false }, Some(&claim))
        .await
}

async fn effects<S: EventsStore + ?Sized>(h: &Harness<S>, tenant: TenantId) -> (i64, usize) {
    let mut tx = h.read_of(tenant).await;
    let endpoints = tx.endpoints().count().await.expect("count");
    (
        endpoints,
        tx.audit_log()
            .list(None, &PageRequest::first(100))
            .await
            .expect("list")
            .items
            .len(),
    )
}

fn member<S: EventsStore + ?Sized>(h: &Harness<S>, tenant: usize, user: UserId) -> TenantContext {
    h.test().member(h.tenant(tenant), user, Role::Member)
}

fn fresh(answer: Result<Once<String>, OnceError<CaseError>>) -> String {
    match answer.expect("an answer") {
        Once::Fresh(id) => id,
        Once::Replay(_) => panic!("must be fresh"),
    }
}

fn replayed(answer: Result<Once<String>, OnceError<CaseError>>) -> String {
    match answer.expect("an answer") {
        Once::Replay(json) => serde_json::from_slice(&json).expect("the answer as JSON"),
        Once::Fresh(_) => panic!("must be a replay"),
    }
}

/// The second call with a key is answered with the first one's answer and has no effect.
pub async fn idempotent_call_runs_once_and_is_answered_again<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let context = member(h, 0, h.test().id());
    let first = fresh(touch(h, &context, "key", 1).await);
    for _ in 0..2 {
        assert_eq!(replayed(touch(h, &context, "key", 1).await), first);
    }
    assert_eq!(effects(h, h.tenant(0)).await, (1, 1));
    assert_eq!(relay_all(h).await.len(), 1);
    assert_ne!(
        fresh(touch(h, &context, "Key", 1).await),
        first,
        "keys differ by case too"
    );
}

/// The same key with another request is refused and has no effect.
pub async fn idempotency_key_of_another_request_is_a_mismatch<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let context = member(h, 0, h.test().id());
    fresh(touch(h, &context, "key", 1).await);
    let refused = touch(h, &context, "key", 2).await;
    assert!(matches!(refused, Err(OnceError::Mismatch)), "{refused:?}");
    assert_eq!(effects(h, h.tenant(0)).await, (1, 1));
}

/// An answer is kept for its time and not longer; then the key is new, for any request.
pub async fn idempotency_key_expires<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let context = member(h, 0, h.test().id());
    let first = fresh(touch(h, &context, "key", 1).await);
    h.test()
        .advance(KEPT_FOR.saturating_sub(Duration::from_micros(1)));
    assert_eq!(replayed(touch(h, &context, "key", 1).await), first);
    h.test().advance(Duration::from_micros(1));
    let second = fresh(touch(h, &context, "key", 2).await);
    assert_ne!(first, second);
    assert_eq!(replayed(touch(h, &context, "key", 2).await), second);
    assert_eq!(effects(h, h.tenant(0)).await, (2, 2));
}

/// One person's key says nothing to another, nor in another tenant.
pub async fn idempotency_keys_are_each_users_and_tenants_own<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (h.test().id(), h.test().id());
    let contexts = [member(h, 0, ada), member(h, 0, bob), member(h, 1, ada)];
    let mut answers = Vec::new();
    for (fingerprint, context) in (1..).zip(&contexts) {
        answers.push(fresh(touch(h, context, "key", fingerprint).await));
    }
    for ((fingerprint, context), answer) in (1..).zip(&contexts).zip(answers) {
        assert_eq!(replayed(touch(h, context, "key", fingerprint).await), answer);
    }
    assert_eq!(
        (effects(h, h.tenant(0)).await, effects(h, h.tenant(1)).await),
        ((2, 2), (1, 1))
    );
}

/// A refusal is not kept: the next call with the key does its work.
pub async fn idempotency_key_of_a_refused_call_stays_free<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let context = member(h, 0, h.test().id());
    let held = claim(&context, "key", 1);
    let refused = runner(h)
        .tenant_once(&context, &Touch { refuse: true }, Some(&held))
        .await;
    assert!(
        matches!(refused, Err(OnceError::Operation(CaseError::Refused))),
        "{refused:?}"
    );
    assert_eq!(effects(h, h.tenant(0)).await, (0, 0));
    fresh(touch(h, &context, "key", 2).await);
    assert_eq!(effects(h, h.tenant(0)).await, (1, 1));
}

/// Of many calls with a key at the same moment, one does the work; all others wait for it, or are told of it.
pub async fn idempotent_calls_at_once_have_one_effect<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let user = h.test().id();
    for round in 1..=4 {
        let answers = parallel(16, |_| {
            let h = h.clone();
            async move { touch(&h, &member(&h, 0, user), &format!("key{round}"), 1).await }
        })
        .await;
        let mut ids: Vec<String> = Vec::new();
        let mut at_work = 0;
        for answer in answers {
            match answer {
                Ok(Once::Fresh(id)) => {
                    at_work += 1;
                    ids.push(id);
                }
                Ok(Once::Replay(json)) => ids.push(serde_json::from_slice(&json).expect("JSON")),
                Err(OnceError::InFlight) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(at_work, 1, "one is fresh");
        ids.dedup();
        assert_eq!(ids.len(), 1, "all who got an answer got the same: {ids:?}");
        let count = usize::try_from(round).expect("small");
        assert_eq!(effects(h, h.tenant(0)).await, (round, count));
    }
}

/// Keys hold outside of any tenant as well.
pub async fn idempotent_system_calls_run_once<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let claim = IdempotencyClaim {
        tenant: None,
        caller: h.test().id::<wisdom_core::id::kind::User>().as_uuid(),
        key: IdempotencyKey::parse("key").expect("a key"),
        fingerprint: [1; 32],
    };
    let context = h.test().system();
    let first = runner(h).system_once(&context, &Count {}, Some(&claim)).await;
    assert!(matches!(first, Ok(Once::Fresh(0))), "{first:?}");
    let second = runner(h).system_once(&context, &Count {}, Some(&claim)).await;
    assert!(
        matches!(&second, Ok(Once::Replay(json)) if json == b"0"),
        "{second:?}"
    );
    assert_eq!(relay_all(h).await.len(), 1);
}
