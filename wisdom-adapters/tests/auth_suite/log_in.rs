//! Signing in.

use wisdom_auth::password::PasswordParams;
use wisdom_auth::session::sign_in::{Proof, SignIn, SignInOutcome};

use super::stage::{PASSWORD, Stage, code, secret};

pub(crate) async fn the_right_password_gives_a_pair_that_works(stage: &Stage) {
    let ada = stage.person("ada@acme.example").await;
    let pair = stage.try_log_in("ADA@acme.example", PASSWORD).await.unwrap();
    assert_eq!(
        (pair.user, pair.token_type.as_str(), pair.expires_in),
        (ada.id, "Bearer", 600)
    );
    assert_eq!(pair.refresh_expires_in, 14 * 86_400);
    let principal = stage.authenticate(&pair).unwrap();
    let own = principal.session().unwrap();
    assert_eq!((own.user, own.session, own.generation), (ada.id, pair.session, 1));
    let session = stage.session(pair.session).await;
    assert_eq!(
        (session.user, session.label.as_str(), session.confirmed),
        (ada.id, "Test", false)
    );
    let events = stage.drain().await;
    assert_eq!(
        events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(),
        ["auth.session.started"]
    );
    let again = stage.try_log_in("ada@acme.example", PASSWORD).await.unwrap();
    assert_ne!(again.session, pair.session);
}

pub(crate) async fn wrong_unknown_and_disabled_get_one_answer(stage: &Stage) {
    stage.person("ada@acme.example").await;
    stage.person("bob@acme.example").await;
    stage.disable("bob@acme.example").await;
    let wrong = (401, "credentials.invalid");
    assert_eq!(
        code(stage.try_log_in("ada@acme.example", "another password").await),
        wrong
    );
    assert_eq!(
        code(stage.try_log_in("nobody@acme.example", PASSWORD).await),
        wrong
    );
    assert_eq!(code(stage.try_log_in("bob@acme.example", PASSWORD).await), wrong);
    assert_eq!(
        code(stage.try_log_in("ada@acme.example", &"x".repeat(100_000)).await),
        wrong
    );
    assert!(stage.drain().await.is_empty());
}

pub(crate) async fn a_raised_cost_rehashes_at_the_next_sign_in(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let before = stage.password_hash("ada@acme.example").await;
    let raised = stage.at_cost(PasswordParams::default());
    assert_eq!(
        code(raised.try_log_in("ada@acme.example", "a wrong one").await),
        (401, "credentials.invalid")
    );
    assert_eq!(stage.password_hash("ada@acme.example").await, before);
    raised.log_in("ada@acme.example").await;
    let after = stage.password_hash("ada@acme.example").await;
    assert!(after.contains("m=19456,t=2,p=1"), "{after}");
    assert_eq!(stage.stored_user("ada@acme.example").await.version, 2);
    raised.log_in("ada@acme.example").await;
    assert_eq!(stage.password_hash("ada@acme.example").await, after);
}

pub(crate) async fn a_password_changed_meanwhile_lets_nobody_in(stage: &Stage) {
    let ada = stage.person("ada@acme.example").await;
    let stored = stage.password_hash("ada@acme.example").await;
    let start = |hash: &str| SignIn {
        user: ada.id,
        proof: Proof::Password,
        label: String::new(),
        tenant: None,
        verified_hash: Some(secret(hash)),
        remembered_device: None,
    };
    let runner = stage.runner();
    let stale = runner
        .on_behalf(&stage.stranger(), &start("$argon2id$v=19$m=64,t=1,p=1$old$old"))
        .await;
    assert!(matches!(stale.unwrap(), SignInOutcome::Refused));
    let current = runner.on_behalf(&stage.stranger(), &start(&stored)).await;
    assert!(matches!(current.unwrap(), SignInOutcome::Started(_)));
    stage.disable("ada@acme.example").await;
    let disabled = runner.on_behalf(&stage.stranger(), &start(&stored)).await;
    assert!(matches!(disabled.unwrap(), SignInOutcome::Refused));
}
