//! Every single change of an answer is refused, and nothing changes with it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wisdom_adapters::testkit::authenticator::SoftAuthenticator;
use wisdom_auth::operation::{BeginPasskeySecondFactor, BeginPasskeyStepUp, StepUpWithPasskey};
use wisdom_core::use_case::Flow as _;

use super::changes::{of_assertion, of_creation, of_signed};
use super::flows::{finish, half};
use super::{ADA, EVE, OVER, REFUSED, add, begin, begin_log_in, keyed, log_in, state};
use crate::stage::{ORIGIN, Stage, code};

pub(crate) async fn every_change_of_a_sign_in_is_refused(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    stage.limiter().open();
    let before = state(stage, &ada.user).await;
    let mut refused = 0;
    let mut sign_in =
        async |what: &str, make: &(dyn Fn(&SoftAuthenticator, &Value) -> Value + Send + Sync)| {
            let begun = begin_log_in(stage).await;
            let answer = make(&ada.key, &begun.public_key);
            assert_eq!(
                code(log_in(stage, &begun.ceremony, answer).await),
                REFUSED,
                "{what}"
            );
            // Whatever was wrong, the ceremony is over, for the right answer too.
            let right = ada.key.sign(&ada.key.draft(&begun.public_key).unwrap()).unwrap();
            assert_eq!(code(log_in(stage, &begun.ceremony, right).await), OVER, "{what}");
            refused += 1;
        };
    for (what, apply) in of_assertion() {
        sign_in(&what, &|key, options| {
            let mut draft = key.draft(options).unwrap();
            apply(&mut draft);
            key.sign(&draft).unwrap()
        })
        .await;
    }
    for (what, apply) in of_signed() {
        sign_in(&what, &|key, options| {
            let mut answer = key.sign(&key.draft(options).unwrap()).unwrap();
            apply(&mut answer);
            answer
        })
        .await;
    }
    // Another key that says it is this one.
    let stranger = SoftAuthenticator::new(ORIGIN).unwrap();
    sign_in("another key", &|key, options| {
        stranger.sign(&key.draft(options).unwrap()).unwrap()
    })
    .await;
    assert!(refused > 200, "{refused}");
    assert_eq!(state(stage, &ada.user).await, before);
    let begun = begin_log_in(stage).await;
    let right = ada.key.get(&begun.public_key).unwrap();
    log_in(stage, &begun.ceremony, right).await.unwrap();
}

pub(crate) async fn every_change_of_a_registration_is_refused(stage: &Stage) {
    let ada = stage.person(ADA).await;
    let caller = stage.caller(&stage.log_in(ADA).await);
    stage.limiter().open();
    let before = state(stage, &ada).await;
    let mut refused = 0;
    for attested_by_itself in [false, true] {
        for (what, apply) in of_creation() {
            let begun = begin(stage, &caller).await;
            let key = SoftAuthenticator::new(ORIGIN).unwrap();
            let mut draft = key.draft_creation(&begun.public_key).unwrap();
            draft.attested_by_itself = attested_by_itself;
            let right = key.finish_creation(&draft).unwrap();
            apply(&mut draft);
            let answer = key.finish_creation(&draft).unwrap();
            let answered = add(stage, &caller, &begun.ceremony, answer).await;
            assert!(answered.is_err(), "{what}");
            assert_eq!(code(answered), REFUSED, "{what}");
            let again = add(stage, &caller, &begun.ceremony, right).await;
            assert_eq!(code(again), OVER, "{what}");
            refused += 1;
        }
    }
    for member in ["attestationObject", "clientDataJSON"] {
        for wrong in [Value::Null, json!(""), json!("oA"), json!("////"), json!(7)] {
            let begun = begin(stage, &caller).await;
            let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
            let mut answer = key.create(&begun.public_key).unwrap();
            answer["response"][member] = wrong;
            assert_eq!(code(add(stage, &caller, &begun.ceremony, answer).await), REFUSED);
            refused += 1;
        }
    }
    // The signature by which it attests itself.
    let begun = begin(stage, &caller).await;
    let key = SoftAuthenticator::new(ORIGIN).unwrap();
    let mut draft = key.draft_creation(&begun.public_key).unwrap();
    draft.attested_by_itself = true;
    let mut answer = key.finish_creation(&draft).unwrap();
    let object = answer["response"]["attestationObject"].as_str().unwrap();
    let mut object = URL_SAFE_NO_PAD.decode(object).unwrap();
    let at = object.windows(3).position(|found| found == b"sig").unwrap() + 20;
    object[at] ^= 1;
    answer["response"]["attestationObject"] = URL_SAFE_NO_PAD.encode(object).into();
    assert_eq!(code(add(stage, &caller, &begun.ceremony, answer).await), REFUSED);
    assert!(refused > 100, "{refused}");
    assert_eq!(state(stage, &ada).await, before);
    // Both kinds are taken when they are right.
    for attested_by_itself in [false, true] {
        let begun = begin(stage, &caller).await;
        let key = SoftAuthenticator::new(ORIGIN).unwrap();
        let mut draft = key.draft_creation(&begun.public_key).unwrap();
        draft.attested_by_itself = attested_by_itself;
        let answer = key.finish_creation(&draft).unwrap();
        add(stage, &caller, &begun.ceremony, answer).await.unwrap();
    }
}

pub(crate) async fn a_ceremony_is_for_one_purpose_one_user_and_one_time(stage: &Stage) {
    let (mut ada, mut eve) = (keyed(stage, ADA).await, keyed(stage, EVE).await);
    stage.limiter().open();
    let (ada_caller, eve_caller) = (ada.caller(stage), eve.caller(stage));
    let (ada_before, eve_before) = (state(stage, &ada.user).await, state(stage, &eve.user).await);

    // At its end it is over.
    let begun = begin_log_in(stage).await;
    let answer = ada.key.get(&begun.public_key).unwrap();
    stage.test().advance(Duration::from_secs(300));
    assert_eq!(code(log_in(stage, &begun.ceremony, answer).await), OVER);

    // A proof within a session is not a sign-in, nor another user's proof.
    let begun = BeginPasskeyStepUp {}.run(stage, &ada_caller).await.unwrap();
    let answer = ada.key.get(&begun.public_key).unwrap();
    assert_eq!(code(log_in(stage, &begun.ceremony, answer.clone()).await), OVER);
    let proof = StepUpWithPasskey {
        ceremony: begun.ceremony.clone(),
        credential: serde_json::from_value(answer.clone()).unwrap(),
    };
    assert_eq!(code(proof.run(stage, &eve_caller).await), OVER);
    assert_eq!(code(add(stage, &ada_caller, &begun.ceremony, answer).await), OVER);

    // A sign-in is not a proof within a session.
    let begun = begin_log_in(stage).await;
    let answer = ada.key.get(&begun.public_key).unwrap();
    let proof = StepUpWithPasskey {
        ceremony: begun.ceremony.clone(),
        credential: serde_json::from_value(answer.clone()).unwrap(),
    };
    assert_eq!(code(proof.run(stage, &ada_caller).await), OVER);

    // A second factor is for the half-finished sign-in that it was begun for.
    let (first, _) = half(stage, ADA).await;
    let (second, _) = half(stage, ADA).await;
    let begun = BeginPasskeySecondFactor {
        challenge: first.clone(),
    };
    let begun = begun.run(stage, &stage.stranger()).await.unwrap();
    let answer = ada.key.get(&begun.public_key).unwrap();
    assert_eq!(
        code(finish(stage, &second, &begun.ceremony, answer.clone()).await),
        OVER
    );
    let (foreign, _) = half(stage, EVE).await;
    assert_eq!(code(finish(stage, &foreign, &begun.ceremony, answer).await), OVER);
    // Somebody else's passkey does not finish it.
    let mut options = begun.public_key.clone();
    options["allowCredentials"] = json!([]);
    let answer = eve.key.get(&options).unwrap();
    assert_eq!(
        code(finish(stage, &first, &begun.ceremony, answer).await),
        REFUSED
    );

    // A registration is for the user who began it.
    let begun = begin(stage, &ada_caller).await;
    let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
    let answer = key.create(&begun.public_key).unwrap();
    assert_eq!(
        code(add(stage, &eve_caller, &begun.ceremony, answer.clone()).await),
        OVER
    );

    // An answer to one challenge does not answer another.
    let (old, new) = (begin_log_in(stage).await, begin_log_in(stage).await);
    let answer = ada.key.get(&old.public_key).unwrap();
    assert_eq!(code(log_in(stage, &new.ceremony, answer).await), REFUSED);

    assert_eq!(state(stage, &ada.user).await, ada_before);
    assert_eq!(state(stage, &eve.user).await, eve_before);

    // Used once, it is over.
    let begun = begin_log_in(stage).await;
    let answer = ada.key.get(&begun.public_key).unwrap();
    log_in(stage, &begun.ceremony, answer.clone()).await.unwrap();
    assert_eq!(code(log_in(stage, &begun.ceremony, answer).await), OVER);
}

pub(crate) async fn a_counter_that_went_back_is_refused_and_told(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    for _ in 0..3 {
        let begun = begin_log_in(stage).await;
        let answer = ada.key.get(&begun.public_key).unwrap();
        log_in(stage, &begun.ceremony, answer).await.unwrap();
    }
    stage.drain().await;
    let before = state(stage, &ada.user).await;
    assert_eq!(before.passkeys[0].counter, 4);
    for counter in [4, 3, 1, 0] {
        let begun = begin_log_in(stage).await;
        let mut draft = ada.key.draft(&begun.public_key).unwrap();
        draft.counter = counter;
        let answer = ada.key.sign(&draft).unwrap();
        assert_eq!(code(log_in(stage, &begun.ceremony, answer).await), REFUSED);
        let events = stage.drain().await;
        assert!(
            events.iter().any(|event| event.kind == "auth.passkey.cloned"),
            "{counter}"
        );
        let mails = stage.mails(&events);
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].template, "auth.passkey.cloned");
    }
    assert_eq!(state(stage, &ada.user).await, before);
    // A counter that is wrong under a wrong signature is nobody's news.
    let begun = begin_log_in(stage).await;
    let mut draft = ada.key.draft(&begun.public_key).unwrap();
    draft.counter = 1;
    let stranger = SoftAuthenticator::new(ORIGIN).unwrap();
    let answer = stranger.sign(&draft).unwrap();
    assert_eq!(code(log_in(stage, &begun.ceremony, answer).await), REFUSED);
    assert!(stage.drain().await.is_empty());
}
