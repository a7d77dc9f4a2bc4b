//! What is accepted, and what follows from it.

use std::time::Duration;

use serde_json::Value;
use wisdom_adapters::testkit::authenticator::{
    BACKED_UP, BACKUP_ELIGIBLE, SoftAuthenticator, USER_PRESENT, USER_VERIFIED,
};
use wisdom_auth::operation::{
    BeginPasskey, BeginPasskeySecondFactor, BeginPasskeyStepUp, DisableTotp, FinishSignIn,
    FinishSignInWithPasskey, ListPasskeys, RemovePasskey, RenamePasskey, RenewRecoveryCodes,
    SecondFactorStatus, StepUp, StepUpWithPasskey,
};
use wisdom_auth::passkey::PasskeyError;
use wisdom_auth::second_factor::SecondFactorMethod;
use wisdom_auth::session::second_factor::Finished;
use wisdom_auth::session::sign_in::SignedIn;
use wisdom_core::context::Caller;
use wisdom_core::id::PasskeyId;
use wisdom_core::secret::SecretText;
use wisdom_core::use_case::Flow as _;

use super::{
    ADA, EVE, Keyed, REFUSED, STALE, add, begin, begin_log_in, keyed, keyed_with, log_in, name, state,
};
use crate::stage::{ORIGIN, PASSWORD, Stage, code, secret};

/// A sign-in with the password, which asks for a second factor.
pub(crate) async fn half(stage: &Stage, address: &str) -> (SecretText, Vec<SecondFactorMethod>) {
    stage.limiter().start_over();
    match stage.begin_log_in(address, PASSWORD).await.unwrap() {
        SignedIn::Challenge(asked) => (asked.challenge, asked.methods),
        SignedIn::Session(_) => panic!("a session without the second factor"),
    }
}

pub(crate) async fn finish(
    stage: &Stage,
    challenge: &SecretText,
    ceremony: &SecretText,
    answer: Value,
) -> Result<Finished, PasskeyError> {
    let finish = FinishSignInWithPasskey {
        challenge: challenge.clone(),
        ceremony: ceremony.clone(),
        credential: serde_json::from_value(answer).unwrap(),
        remember_device: true,
    };
    finish.run(stage, &stage.stranger()).await
}

async fn status(stage: &Stage, caller: &Caller) -> (bool, i64, i64) {
    let status = stage
        .runner()
        .on_behalf(caller, &SecondFactorStatus {})
        .await
        .unwrap();
    (status.totp, status.passkeys, status.recovery_codes_left)
}

pub(crate) async fn a_passkey_signs_in_alone_and_counts_as_both_factors(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    for counter in 2..5 {
        stage.test().advance(Duration::from_secs(60));
        let begun = begin_log_in(stage).await;
        let answer = ada.key.get(&begun.public_key).unwrap();
        let pair = log_in(stage, &begun.ceremony, answer).await.unwrap();
        let own = stage.authenticate(&pair).unwrap();
        let session = stage.session(own.session().unwrap().session).await;
        assert_eq!(session.user, ada.user.id);
        assert_eq!(session.second_factor_at, Some(stage.test().now()));
        assert_eq!(session.authenticated_at, stage.test().now());
        let listed = stage
            .runner()
            .on_behalf(&stage.caller(&pair), &ListPasskeys {})
            .await
            .unwrap();
        assert_eq!(listed.items.len(), 1);
        assert_eq!(listed.items[0].last_used_at, Some(stage.test().now()));
        let known = state(stage, &ada.user).await;
        assert_eq!(known.passkeys[0].counter, counter);
    }
}

pub(crate) async fn a_passkey_is_the_second_factor_behind_a_password(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    let (challenge, methods) = half(stage, ADA).await;
    assert_eq!(
        methods,
        [SecondFactorMethod::Passkey, SecondFactorMethod::RecoveryCode]
    );
    let begin = BeginPasskeySecondFactor {
        challenge: challenge.clone(),
    };
    let begun = begin.run(stage, &stage.stranger()).await.unwrap();
    assert_eq!(begun.public_key["allowCredentials"].as_array().unwrap().len(), 1);
    let answer = ada.key.get(&begun.public_key).unwrap();
    let done = finish(stage, &challenge, &begun.ceremony, answer.clone())
        .await
        .unwrap();
    let own = stage.authenticate(&done.tokens).unwrap();
    let session = stage.session(own.session().unwrap().session).await;
    assert_eq!(session.second_factor_at, Some(stage.test().now()));
    assert!(done.remembered_device.is_some());
    let again = finish(stage, &challenge, &begun.ceremony, answer).await;
    assert_eq!(code(again), (401, "challenge.invalid"));
    // Who has none set up has nothing to begin.
    let unknown = BeginPasskeySecondFactor {
        challenge: secret("wsc_nonsense"),
    };
    let refused = unknown.run(stage, &stage.stranger()).await;
    assert_eq!(code(refused), (401, "challenge.invalid"));
}

pub(crate) async fn recovery_codes_stand_in_for_a_passkey(stage: &Stage) {
    let ada = keyed(stage, ADA).await;
    assert_eq!(ada.added.recovery_codes.len(), 10);
    assert_eq!(status(stage, &ada.caller(stage)).await, (false, 1, 10));
    let (challenge, _) = half(stage, ADA).await;
    let finish = FinishSignIn {
        challenge,
        code: ada.added.recovery_codes[0].clone(),
        remember_device: false,
    };
    let done = finish.run(stage, &stage.stranger()).await.unwrap();
    assert_eq!(done.recovery_codes_left, Some(9));
    // New ones can be made although there is no authenticator with codes, which cannot be removed either.
    let caller = stage.caller(&done.tokens);
    let renewed = RenewRecoveryCodes {}.run(stage, &caller).await.unwrap();
    assert_eq!(renewed.recovery_codes.len(), 10);
    let refused = DisableTotp {}.run(stage, &caller).await;
    assert_eq!(code(refused), (409, "second_factor.missing"));
    assert_eq!(status(stage, &caller).await, (false, 1, 10));
}

async fn step_up(stage: &Stage, caller: &Caller, ada: &mut Keyed) {
    let begun = BeginPasskeyStepUp {}.run(stage, caller).await.unwrap();
    let proof = StepUpWithPasskey {
        ceremony: begun.ceremony.clone(),
        credential: serde_json::from_value(ada.key.get(&begun.public_key).unwrap()).unwrap(),
    };
    let stepped = proof.run(stage, caller).await.unwrap();
    assert_eq!(stepped.authenticated_at, stage.test().now());
    let again = proof.run(stage, caller).await;
    assert_eq!(code(again), super::OVER);
}

pub(crate) async fn a_passkey_is_a_fresh_proof(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    let caller = ada.caller(stage);
    stage.test().advance(Duration::from_secs(601));
    assert_eq!(code(BeginPasskey {}.run(stage, &caller).await), STALE);
    // The password is no proof for somebody with a second factor.
    let password = StepUp {
        password: Some(secret(PASSWORD)),
        code: None,
    };
    let refused = password.run(stage, &caller).await;
    assert_eq!(code(refused), (401, "credentials.invalid"));
    step_up(stage, &caller, &mut ada).await;
    begin(stage, &caller).await;
    // Nobody else's passkey will do.
    let mut eve = keyed(stage, EVE).await;
    let begun = BeginPasskeyStepUp {}.run(stage, &caller).await.unwrap();
    let mut options = begun.public_key.clone();
    options["allowCredentials"] = Value::Array(Vec::new());
    let proof = StepUpWithPasskey {
        ceremony: begun.ceremony,
        credential: serde_json::from_value(eve.key.get(&options).unwrap()).unwrap(),
    };
    assert_eq!(code(proof.run(stage, &caller).await), REFUSED);
}

pub(crate) async fn passkeys_are_made_named_and_removed_with_a_fresh_proof_only(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    let caller = ada.caller(stage);
    let passkey = ada.added.passkey.id;
    let begun = begin(stage, &caller).await;
    let mut other = SoftAuthenticator::new(ORIGIN).unwrap();
    let answer = other.create(&begun.public_key).unwrap();
    // A ceremony lives for five minutes, a proof for ten: prove, wait, begin, wait.
    stage.test().advance(Duration::from_secs(290));
    let rename = |passkey: PasskeyId| RenamePasskey {
        passkey,
        name: name("Büro"),
    };
    stage.runner().on_behalf(&caller, &rename(passkey)).await.unwrap();
    let listed = stage.runner().on_behalf(&caller, &ListPasskeys {}).await.unwrap();
    assert_eq!(listed.items[0].name, name("Büro"));
    let eve = keyed(stage, EVE).await;
    let foreign = stage
        .runner()
        .on_behalf(&eve.caller(stage), &rename(passkey))
        .await;
    assert_eq!(code(foreign), (404, "not_found"));
    let foreign = RemovePasskey { passkey }.run(stage, &eve.caller(stage)).await;
    assert_eq!(code(foreign), (404, "not_found"));
    let before = state(stage, &ada.user).await;
    stage.test().advance(Duration::from_secs(311));
    let late = add(stage, &caller, &begun.ceremony, answer).await;
    assert_eq!(code(late), super::OVER);
    assert_eq!(
        code(stage.runner().on_behalf(&caller, &rename(passkey)).await),
        STALE
    );
    assert_eq!(code(RemovePasskey { passkey }.run(stage, &caller).await), STALE);
    assert_eq!(state(stage, &ada.user).await, before);
    // A proof that goes stale between beginning and end is not enough either.
    step_up(stage, &caller, &mut ada).await;
    stage.test().advance(Duration::from_secs(590));
    let begun = begin(stage, &caller).await;
    let answer = other.create(&begun.public_key).unwrap();
    stage.test().advance(Duration::from_secs(20));
    assert_eq!(code(add(stage, &caller, &begun.ceremony, answer).await), STALE);
    step_up(stage, &caller, &mut ada).await;
    RemovePasskey { passkey }.run(stage, &caller).await.unwrap();
    assert_eq!(status(stage, &caller).await, (false, 0, 0));
    // With the last one gone the password is enough.
    stage.log_in(ADA).await;
    let begun = begin_log_in(stage).await;
    let answer = ada.key.get(&begun.public_key).unwrap();
    assert_eq!(code(log_in(stage, &begun.ceremony, answer).await), REFUSED);
}

pub(crate) async fn a_user_has_twenty_and_an_authenticator_one(stage: &Stage) {
    let ada = keyed(stage, ADA).await;
    let caller = ada.caller(stage);
    stage.limiter().open();
    let begun = begin(stage, &caller).await;
    assert_eq!(
        begun.public_key["excludeCredentials"].as_array().unwrap().len(),
        1
    );
    let mut same = ada.key;
    let answer = same.create(&begun.public_key).unwrap();
    assert_eq!(code(add(stage, &caller, &begun.ceremony, answer).await), REFUSED);
    // Whoever copies an answer cannot take a passkey over.
    let eve = stage.person(EVE).await;
    let eve_caller = stage.caller(&stage.log_in(EVE).await);
    let begun = begin(stage, &eve_caller).await;
    let answer = same.create(&begun.public_key).unwrap();
    let taken = add(stage, &eve_caller, &begun.ceremony, answer).await;
    assert_eq!(code(taken), (409, "passkey.exists"));
    assert_eq!(state(stage, &eve).await.passkeys, []);
    let spare = begin(stage, &caller).await;
    let mut late = SoftAuthenticator::new(ORIGIN).unwrap();
    let late = late.create(&spare.public_key).unwrap();
    for _ in 0..19 {
        let begun = begin(stage, &caller).await;
        let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
        let answer = key.create(&begun.public_key).unwrap();
        let added = add(stage, &caller, &begun.ceremony, answer).await.unwrap();
        assert!(added.recovery_codes.is_empty(), "the first one gave them");
    }
    let full = BeginPasskey {}.run(stage, &caller).await;
    assert_eq!(code(full), (409, "passkey.limit"));
    // Each of those voided what was begun before.
    assert_eq!(
        code(add(stage, &caller, &spare.ceremony, late).await),
        super::OVER
    );
    assert_eq!(state(stage, &ada.user).await.passkeys.len(), 20);
}

pub(crate) async fn changes_end_other_sessions_and_are_told(stage: &Stage) {
    stage.person(ADA).await;
    let other = stage.log_in(ADA).await;
    let pair = stage.log_in(ADA).await;
    let caller = stage.caller(&pair);
    stage.drain().await;
    let begun = begin(stage, &caller).await;
    let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
    let answer = key.create(&begun.public_key).unwrap();
    let added = add(stage, &caller, &begun.ceremony, answer).await.unwrap();
    assert_eq!(code(stage.authenticate(&other)).0, 401);
    assert_eq!(
        code(stage.refresh(&other).await),
        (401, "session.credential_change")
    );
    stage.authenticate(&pair).unwrap();
    let events = stage.drain().await;
    assert!(events.iter().any(|event| event.kind == "auth.passkey.registered"));
    let mails = stage.mails(&events);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].template, "auth.passkey.registered");
    assert_eq!(mails[0].params["name"], "Laptop");
    let begun = begin_log_in(stage).await;
    let other = log_in(stage, &begun.ceremony, key.get(&begun.public_key).unwrap())
        .await
        .unwrap();
    let passkey = added.passkey.id;
    RemovePasskey { passkey }.run(stage, &caller).await.unwrap();
    assert_eq!(code(stage.authenticate(&other)).0, 401);
    stage.authenticate(&pair).unwrap();
    let events = stage.drain().await;
    assert!(events.iter().any(|event| event.kind == "auth.passkey.removed"));
    assert_eq!(stage.mails(&events)[0].template, "auth.passkey.removed");
}

pub(crate) async fn a_disabled_user_is_refused_like_a_stranger(stage: &Stage) {
    let mut ada = keyed(stage, ADA).await;
    stage.disable(ADA).await;
    let begun = begin_log_in(stage).await;
    let answer = ada.key.get(&begun.public_key).unwrap();
    assert_eq!(code(log_in(stage, &begun.ceremony, answer).await), REFUSED);
    let mut stranger = SoftAuthenticator::new(ORIGIN).unwrap();
    let begun = begin_log_in(stage).await;
    let answer = stranger.get(&begun.public_key).unwrap();
    assert_eq!(code(log_in(stage, &begun.ceremony, answer).await), REFUSED);
}

pub(crate) async fn a_synchronised_passkey_need_not_count(stage: &Stage) {
    let flags = USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE;
    let key = SoftAuthenticator::new(ORIGIN).unwrap().uncounted().flags(flags);
    let ada = keyed_with(stage, ADA, key).await;
    assert!(!ada.added.passkey.backed_up);
    let mut key = ada.key.flags(flags | BACKED_UP);
    for _ in 0..3 {
        let begun = begin_log_in(stage).await;
        let answer = key.get(&begun.public_key).unwrap();
        log_in(stage, &begun.ceremony, answer).await.unwrap();
    }
    let known = state(stage, &ada.user).await;
    assert_eq!(
        (known.passkeys[0].counter, known.passkeys[0].backed_up),
        (0, true)
    );
}

pub(crate) async fn the_beginning_says_nothing_about_accounts(stage: &Stage) {
    let empty = begin_log_in(stage).await;
    keyed(stage, ADA).await;
    let full = begin_log_in(stage).await;
    let shape = |begun: &wisdom_auth::passkey::begin::CeremonyBegun| {
        let mut options = begun.public_key.clone();
        let challenge = options["challenge"].take();
        assert_eq!(challenge.as_str().unwrap().len(), 43, "256 bits");
        (options, begun.expires_in, begun.ceremony.expose().len())
    };
    assert_eq!(shape(&empty), shape(&full));
    assert_ne!(empty.public_key["challenge"], full.public_key["challenge"]);
    assert_eq!(full.public_key["allowCredentials"], serde_json::json!([]));
    assert_eq!(full.public_key["userVerification"], "required");
}

pub(crate) async fn doors_are_throttled(stage: &Stage) {
    let ada = keyed(stage, ADA).await;
    let caller = ada.caller(stage);
    stage.limiter().start_over();
    let mut answers = Vec::new();
    for _ in 0..61 {
        answers.push(BeginPasskeyStepUp {}.run(stage, &caller).await.is_ok());
    }
    assert_eq!(answers.iter().filter(|ok| **ok).count(), 60);
    let refused = BeginPasskeyStepUp {}.run(stage, &caller).await;
    assert_eq!(code(refused), (429, "rate_limited"));
    stage.limiter().start_over();
    stage.limiter().go_away();
    let away = BeginPasskeyStepUp {}.run(stage, &caller).await;
    assert_eq!(code(away), (503, "rate_limit.unavailable"));
}
