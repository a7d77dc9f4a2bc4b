//! Changing passwords, and hashes that came from elsewhere.

use wisdom_auth::error::AuthError;
use wisdom_auth::operation::ChangePassword;
use wisdom_auth::session::renew::TokenPair;
use wisdom_core::conformance::save;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::Flow as _;

use super::stage::{PASSWORD, Stage, code, secret};

const ADA: &str = "ada@acme.example";
const NEW: &str = "nine silver kettles on the roof";

async fn change(stage: &Stage, pair: &TokenPair, current: &str, new: &str) -> Result<(), AuthError> {
    let change = ChangePassword {
        current_password: secret(current),
        new_password: secret(new),
    };
    change.run(stage, &stage.caller(pair)).await
}

pub(crate) async fn a_changed_password_ends_all_other_sessions_and_tells_the_user(stage: &Stage) {
    stage.person(ADA).await;
    let here = stage.log_in(ADA).await;
    let there = stage.log_in(ADA).await;
    stage.drain().await;
    change(stage, &here, PASSWORD, NEW).await.unwrap();
    assert!(stage.authenticate(&here).is_ok());
    assert_eq!(code(stage.authenticate(&there)), (401, "token.invalid"));
    assert_eq!(
        code(stage.refresh(&there).await),
        (401, "session.credential_change")
    );
    assert!(stage.refresh(&here).await.is_ok());
    let events = stage.drain().await;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert!(kinds.contains(&"auth.password.changed") && kinds.contains(&"auth.session.revoked"));
    let mails = stage.mails(&events);
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].to.as_str(), mails[0].template.as_str()),
        (ADA, "auth.password.changed")
    );
    assert_eq!(
        code(stage.try_log_in(ADA, PASSWORD).await),
        (401, "credentials.invalid")
    );
    stage.try_log_in(ADA, NEW).await.unwrap();
}

pub(crate) async fn a_refused_change_changes_nothing(stage: &Stage) {
    stage.person(ADA).await;
    let here = stage.log_in(ADA).await;
    let there = stage.log_in(ADA).await;
    stage.drain().await;
    let before = stage.password_hash(ADA).await;
    for (current, new, status) in [
        ("a wrong password", NEW, (400, "password.wrong")),
        (&PASSWORD[1..], NEW, (400, "password.wrong")),
        (PASSWORD, PASSWORD, (400, "password.weak")),
        (PASSWORD, "too short", (400, "password.weak")),
        (PASSWORD, "correct horse battery staple", (400, "password.weak")),
        (PASSWORD, "ada@acme.example", (400, "password.weak")),
    ] {
        assert_eq!(code(change(stage, &here, current, new).await), status, "{new}");
    }
    assert_eq!(stage.password_hash(ADA).await, before);
    assert!(stage.authenticate(&there).is_ok());
    assert!(stage.drain().await.is_empty());
}

pub(crate) async fn of_changes_at_once_one_wins_and_no_session_survives_it(stage: &Stage) {
    stage.person(ADA).await;
    let here = stage.log_in(ADA).await;
    let logging_in = async {
        let mut pairs = Vec::new();
        for _ in 0..3 {
            if let Ok(pair) = stage.try_log_in(ADA, PASSWORD).await {
                pairs.push(pair);
            }
        }
        pairs
    };
    let other = "eleven copper whistles in snow";
    let (first, second, pairs) = tokio::join!(
        change(stage, &here, PASSWORD, NEW),
        change(stage, &here, PASSWORD, other),
        logging_in
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    for pair in pairs {
        assert_eq!(
            code(stage.refresh(&pair).await),
            (401, "session.credential_change")
        );
    }
}

pub(crate) async fn an_imported_hash_lets_in_and_is_made_our_own(stage: &Stage) {
    let user = stage.person(ADA).await;
    // bcrypt of the words below, made by libxcrypt.
    let theirs = "$2b$04$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO";
    let mut tx = stage
        .runner()
        .store()
        .begin_system(&stage.test().system(), Effect::Write)
        .await
        .unwrap();
    tx.users()
        .set_password_hash(user.id, theirs, stage.test().now())
        .await
        .unwrap();
    save(tx).await;
    assert_eq!(
        code(stage.try_log_in(ADA, "violet harbour seven lantern").await),
        (401, "credentials.invalid")
    );
    assert_eq!(stage.password_hash(ADA).await, theirs);
    stage
        .try_log_in(ADA, "violet harbour seven lanterns")
        .await
        .unwrap();
    let ours = stage.password_hash(ADA).await;
    assert!(ours.starts_with("$argon2id$"), "{ours}");
    stage
        .try_log_in(ADA, "violet harbour seven lanterns")
        .await
        .unwrap();
    assert_eq!(stage.password_hash(ADA).await, ours);
}
