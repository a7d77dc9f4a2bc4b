//! Sessions, the address and the caller.

use std::time::Duration;

use wisdom_auth::authenticate::confirm_sight;
use wisdom_auth::kit::AuthHost as _;
use wisdom_auth::one_time_token::{self, TokenPurpose};
use wisdom_auth::operation::{ListSessions, LogOut, Me, RenameSession, RevokeOne, RevokeOthers, VerifyEmail};
use wisdom_auth::session::RevokeReason;
use wisdom_auth::session::revoke::RevokeAllSessions;
use wisdom_core::conformance::save;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::Flow as _;

use super::stage::{Stage, code, email};

pub(crate) async fn signing_out_ends_both_tokens_at_once(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let pair = stage.log_in("ada@acme.example").await;
    let caller = stage.caller(&pair);
    LogOut {}.run(stage, &caller).await.unwrap();
    assert_eq!(code(stage.authenticate(&pair)), (401, "token.invalid"));
    assert_eq!(code(stage.refresh(&pair).await), (401, "session.logged_out"));
    LogOut {}.run(stage, &caller).await.unwrap();
    let events = stage.drain().await;
    assert_eq!(
        events
            .iter()
            .filter(|event| event.kind == "auth.session.revoked")
            .count(),
        1,
        "twice is once"
    );
}

pub(crate) async fn users_see_and_end_their_own_sessions_only(stage: &Stage) {
    stage.person("ada@acme.example").await;
    stage.person("eve@acme.example").await;
    let phone = stage.log_in("ada@acme.example").await;
    stage.test().advance(Duration::from_secs(1));
    let laptop = stage.log_in("ada@acme.example").await;
    let eve = stage.log_in("eve@acme.example").await;
    let (ada, eve_caller) = (stage.caller(&laptop), stage.caller(&eve));

    let list = stage
        .runner()
        .on_behalf(&ada, &ListSessions {})
        .await
        .unwrap()
        .items;
    let seen: Vec<_> = list.iter().map(|session| (session.id, session.current)).collect();
    assert_eq!(seen, [(laptop.session, true), (phone.session, false)]);

    let steal = RevokeOne {
        session: phone.session,
    };
    assert_eq!(code(steal.run(stage, &eve_caller).await), (404, "not_found"));
    let unknown = RevokeOne {
        session: stage.test().id(),
    };
    assert_eq!(code(unknown.run(stage, &eve_caller).await), (404, "not_found"));
    assert!(
        stage.authenticate(&phone).is_ok(),
        "an attempt of another user ends nothing"
    );

    steal.run(stage, &ada).await.unwrap();
    assert_eq!(code(stage.authenticate(&phone)), (401, "token.invalid"));
    assert_eq!(code(stage.refresh(&phone).await), (401, "session.revoked"));
    let list = stage
        .runner()
        .on_behalf(&ada, &ListSessions {})
        .await
        .unwrap()
        .items;
    assert_eq!(list.len(), 1);
    assert!(stage.refresh(&laptop).await.is_ok());
}

pub(crate) async fn all_but_one_can_be_ended(stage: &Stage) {
    let ada = stage.person("ada@acme.example").await;
    let kept = stage.log_in("ada@acme.example").await;
    let others = [
        stage.log_in("ada@acme.example").await,
        stage.log_in("ada@acme.example").await,
    ];
    stage.drain().await;
    let all = RevokeAllSessions {
        user: ada.id,
        except: Some(kept.session),
        reason: RevokeReason::CredentialChange,
    };
    let mut ended = stage
        .runner()
        .on_behalf(&stage.caller(&kept), &all)
        .await
        .unwrap();
    let mut expected = others.each_ref().map(|pair| pair.session);
    ended.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ended, expected);
    assert_eq!(stage.drain().await.len(), 1, "one event for all of them");
    for pair in &others {
        assert_eq!(
            code(stage.refresh(pair).await),
            (401, "session.credential_change")
        );
    }
    assert!(stage.refresh(&kept).await.is_ok());
}

async fn mailed_token(stage: &Stage, address: &str) -> SecretText {
    let user = stage.stored_user(address).await;
    let mut tx = stage
        .runner()
        .store()
        .begin_system(&stage.test().system(), Effect::Write)
        .await
        .unwrap();
    let ttl = Duration::from_secs(86_400);
    let issued = one_time_token::issue(&mut *tx, user.id, &user.email, TokenPurpose::VerifyEmail, ttl)
        .await
        .unwrap();
    save(tx).await;
    issued
}

pub(crate) async fn the_mailed_token_proves_the_address_once(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let invalid = (400, "verification.invalid");
    let verify = async |token: &SecretText| {
        stage
            .runner()
            .on_behalf(&stage.stranger(), &VerifyEmail { token: token.clone() })
            .await
    };
    let voided = mailed_token(stage, "ada@acme.example").await;
    let token = mailed_token(stage, "ada@acme.example").await;
    assert_eq!(code(verify(&voided).await), invalid, "a newer one was sent");
    assert_eq!(code(verify(&SecretText::from("wot_".to_owned())).await), invalid);
    verify(&token).await.unwrap();
    assert_eq!(
        stage.stored_user("ada@acme.example").await.email_verified_at,
        Some(stage.test().now())
    );
    assert_eq!(code(verify(&token).await), invalid);
    let kinds: Vec<_> = stage.drain().await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["auth.user.email_verified"]);

    stage.person("bob@acme.example").await;
    let late = mailed_token(stage, "bob@acme.example").await;
    stage.test().advance(Duration::from_secs(86_400));
    assert_eq!(code(verify(&late).await), invalid);

    // A token proves the mailbox it was sent to, not the one that the user has now.
    let before = mailed_token(stage, "bob@acme.example").await;
    let mut bob = stage.stored_user("bob@acme.example").await;
    bob.email = email("robert@acme.example");
    let mut tx = stage
        .runner()
        .store()
        .begin_system(&stage.test().system(), Effect::Write)
        .await
        .unwrap();
    tx.users().update(&bob, bob.version).await.unwrap();
    save(tx).await;
    assert_eq!(code(verify(&before).await), invalid);
    assert_eq!(
        stage.stored_user("robert@acme.example").await.email_verified_at,
        None
    );
}

pub(crate) async fn me_is_answered_from_the_token(stage: &Stage) {
    let ada = stage.person("ada@acme.example").await;
    let pair = stage.log_in("ada@acme.example").await;
    let me = Me {}.run(stage, &stage.caller(&pair)).await.unwrap();
    assert_eq!((me.user, me.session, me.tenant), (ada.id, pair.session, None));
    assert_eq!(
        code(Me {}.run(stage, &stage.stranger()).await),
        (401, "unauthenticated")
    );
    let principal = stage.authenticate(&pair).unwrap();
    assert!(confirm_sight(stage.auth(), &principal).is_some());
    assert!(confirm_sight(stage.auth(), &principal).is_none());
}

pub(crate) async fn others_end_and_the_one_that_asks_stays(stage: &Stage) {
    stage.person("ada@acme.example").await;
    stage.person("eve@acme.example").await;
    let (phone, laptop) = (
        stage.log_in("ada@acme.example").await,
        stage.log_in("ada@acme.example").await,
    );
    let eve = stage.log_in("eve@acme.example").await;
    RevokeOthers {}.run(stage, &stage.caller(&laptop)).await.unwrap();
    assert_eq!(code(stage.authenticate(&phone)), (401, "token.invalid"));
    assert_eq!(code(stage.refresh(&phone).await), (401, "session.revoked"));
    assert!(stage.authenticate(&laptop).is_ok() && stage.authenticate(&eve).is_ok());
    assert!(stage.refresh(&laptop).await.is_ok() && stage.refresh(&eve).await.is_ok());
}

pub(crate) async fn a_session_is_named_by_its_user_only(stage: &Stage) {
    stage.person("ada@acme.example").await;
    stage.person("eve@acme.example").await;
    let pair = stage.log_in("ada@acme.example").await;
    let eve = stage.log_in("eve@acme.example").await;
    let rename = |label: &str| RenameSession {
        session: pair.session,
        label: label.to_owned(),
    };
    let refused = stage
        .runner()
        .on_behalf(&stage.caller(&eve), &rename("mine"))
        .await;
    assert_eq!(code(refused), (404, "not_found"));
    let ada = stage.caller(&pair);
    let named = stage
        .runner()
        .on_behalf(&ada, &rename(" The\u{202e} red phone\n"))
        .await;
    named.unwrap();
    assert_eq!(stage.session(pair.session).await.label, "The red phone");
    assert!(stage.refresh(&pair).await.is_ok(), "a name changes nothing else");
    LogOut {}.run(stage, &ada).await.unwrap();
    let refused = stage.runner().on_behalf(&ada, &rename("late")).await;
    assert_eq!(code(refused), (404, "not_found"), "what has ended keeps its name");
}
