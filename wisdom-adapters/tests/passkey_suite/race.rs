//! Sixteen at once: one wins.

use serde_json::Value;
use wisdom_adapters::testkit::authenticator::SoftAuthenticator;
use wisdom_auth::operation::LogOut;
use wisdom_core::conformance::{parallel, rounds};
use wisdom_core::use_case::Flow as _;

use super::{ADA, add, begin, begin_log_in, keyed, log_in, state};
use crate::stage::{ORIGIN, Stage, code};

const CALLERS: usize = 16;
const ROUNDS: usize = 200;

fn winner<T: std::fmt::Debug>(
    answers: Vec<Result<T, wisdom_auth::passkey::PasskeyError>>,
    refusals: &[&str],
    round: usize,
) -> T {
    let (mut won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    for answer in lost {
        let (status, code) = code(answer);
        assert!(refusals.contains(&code), "{status} {code}");
    }
    assert_eq!(won.len(), 1, "round {round}");
    won.remove(0).unwrap()
}

pub(crate) async fn of_sixteen_completions_one_signs_in(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    stage.limiter().open();
    let rounds = rounds(ROUNDS);
    for round in 0..rounds {
        let begun = begin_log_in(stage).await;
        let answer = ada.key.get(&begun.public_key).unwrap();
        let answers = parallel(CALLERS, |_| {
            let (stage, begun, answer) = (stage.clone(), begun.clone(), answer.clone());
            async move { log_in(&stage, &begun.ceremony, answer).await }
        })
        .await;
        // Who reads the counter after the winner wrote it is refused for that.
        let winner = winner(answers, &["passkey.ceremony_invalid", "passkey.invalid"], round);
        // One session made the passkey, and the round began one.
        let sessions = state(stage, &ada.user).await.sessions;
        assert_eq!(sessions.len(), 2, "round {round}");
        LogOut {}.run(stage, &stage.caller(&winner)).await.unwrap();
    }
}

/// Sixteen ceremonies, answered by sixteen copies of one passkey: all with the same counter.
pub(crate) async fn of_sixteen_uses_of_one_counter_one_signs_in(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    stage.limiter().open();
    for round in 0..10 {
        let mut answers: Vec<(wisdom_core::secret::SecretText, Value)> = Vec::new();
        let mut drafts = Vec::new();
        for _ in 0..CALLERS {
            let begun = begin_log_in(stage).await;
            drafts.push((begun.ceremony.clone(), ada.key.draft(&begun.public_key).unwrap()));
            if drafts.len() == CALLERS {
                ada.key.get(&begun.public_key).unwrap();
            }
        }
        for (ceremony, draft) in drafts {
            answers.push((ceremony, ada.key.sign(&draft).unwrap()));
        }
        let outcomes = parallel(CALLERS, |n| {
            let (stage, (ceremony, answer)) = (stage.clone(), answers[n].clone());
            async move { log_in(&stage, &ceremony, answer).await }
        })
        .await;
        winner(outcomes, &["passkey.invalid"], round);
    }
    assert_eq!(state(stage, &ada.user).await.sessions.len(), 11);
}

pub(crate) async fn of_sixteen_registrations_one_is_kept(stage: &Stage) {
    let ada = keyed(stage, ADA).await;
    let caller = ada.caller(stage);
    stage.limiter().open();
    for round in 0..10 {
        let begun = begin(stage, &caller).await;
        let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
        let answer = key.create(&begun.public_key).unwrap();
        let answers = parallel(CALLERS, |_| {
            let (stage, caller) = (stage.clone(), caller.clone());
            let (begun, answer) = (begun.clone(), answer.clone());
            async move { add(&stage, &caller, &begun.ceremony, answer).await }
        })
        .await;
        winner(answers, &["passkey.ceremony_invalid"], round);
    }
    assert_eq!(state(stage, &ada.user).await.passkeys.len(), 11);
}
