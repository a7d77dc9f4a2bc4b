//! Refreshing.

use std::time::Duration;

use wisdom_auth::session::renew::TokenPair;
use wisdom_auth::session::{RevokeReason, Session};
use wisdom_core::conformance::save;
use wisdom_core::unit_of_work::Effect;

use super::stage::{Stage, code, secret};

const REUSE: (u16, &str) = (401, "session.reuse");

pub(crate) async fn each_refresh_spends_its_token(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let mut pair = stage.log_in("ada@acme.example").await;
    let session = stage.session(pair.session).await;
    for generation in 2..=5 {
        stage.test().advance(Duration::from_secs(60));
        let next = stage.refresh(&pair).await.unwrap();
        assert_ne!(next.refresh_token.expose(), pair.refresh_token.expose());
        assert_eq!(
            stage.authenticate(&next).unwrap().session().unwrap().generation,
            generation
        );
        assert_eq!((next.session, next.user), (pair.session, pair.user));
        pair = next;
    }
    let after = stage.session(pair.session).await;
    assert_eq!(
        (after.generation, after.absolute_until),
        (5, session.absolute_until)
    );
    assert_eq!(
        after.idle_until,
        session.idle_until.saturating_add(Duration::from_secs(240))
    );
}

pub(crate) async fn a_lost_answer_can_be_fetched_again(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let first = stage.log_in("ada@acme.example").await;
    let lost = stage.refresh(&first).await.unwrap();
    stage.test().advance(Duration::from_secs(86_400));
    for _ in 0..5 {
        let again = stage.refresh(&first).await.unwrap();
        assert_eq!(again.refresh_token.expose(), lost.refresh_token.expose());
        assert_eq!(
            stage.authenticate(&again).unwrap().session().unwrap().generation,
            2
        );
    }
    assert_eq!(stage.session(first.session).await.replays, 5);
    assert_eq!(
        code(stage.refresh(&first).await),
        REUSE,
        "more often than any client loses answers"
    );
}

pub(crate) async fn parallel_tabs_have_a_window_and_no_more(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let first = stage.log_in("ada@acme.example").await;
    let second = stage.refresh(&first).await.unwrap();
    stage.see(&second).await;
    assert!(stage.session(first.session).await.confirmed);
    stage.test().advance(Duration::from_secs(10));
    let other_tab = stage.refresh(&first).await.unwrap();
    assert_eq!(other_tab.refresh_token.expose(), second.refresh_token.expose());
    stage.test().advance(Duration::from_secs(1));
    assert_eq!(code(stage.refresh(&first).await), REUSE);
}

/// Nothing of the session works any more, and it stays so.
async fn assert_dead(stage: &Stage, family: &[&TokenPair], expected: (u16, &str)) {
    for pair in family {
        assert_eq!(code(stage.authenticate(pair)), (401, "token.invalid"));
        assert_eq!(code(stage.refresh(pair).await), expected);
    }
}

pub(crate) async fn a_spent_token_ends_the_session_and_tells_the_user(stage: &Stage) {
    let ada = stage.person("ada@acme.example").await;
    let first = stage.log_in("ada@acme.example").await;
    let other = stage.log_in("ada@acme.example").await;
    let second = stage.refresh(&first).await.unwrap();
    let third = stage.refresh(&second).await.unwrap();
    stage.drain().await;
    assert_eq!(code(stage.refresh(&first).await), REUSE);
    let ended = stage.session(first.session).await.revoked;
    assert_eq!(
        ended,
        Some((stage.test().now(), RevokeReason::Reuse)),
        "committed although it was refused"
    );

    let events = stage.drain().await;
    let revoked = events
        .iter()
        .find(|event| event.kind == "auth.session.revoked")
        .unwrap();
    assert_eq!(
        wisdom_auth::session::event::ended_sessions(revoked).unwrap(),
        [first.session]
    );
    let mails = stage.mails(&events);
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].template.as_str(), &mails[0].to),
        ("auth.session.reuse", &ada.email)
    );

    assert_dead(stage, &[&first, &second, &third], REUSE).await;
    assert!(stage.drain().await.is_empty(), "told once");
    assert!(stage.refresh(&other).await.is_ok(), "other sessions go on");
}

pub(crate) async fn strict_grace_ends_the_session_once_the_child_was_seen(stage: &Stage) {
    // The window is over as soon as it is: with time standing still, what is left is the child's use.
    stage.person("ada@acme.example").await;
    for by_refresh in [false, true] {
        let first = stage.log_in("ada@acme.example").await;
        let second = stage.refresh(&first).await.unwrap();
        let mut family = vec![&first, &second];
        let third;
        if by_refresh {
            third = stage.refresh(&second).await.unwrap();
            family.push(&third);
        } else {
            stage.see(&second).await;
            stage.test().advance(Duration::from_secs(11));
        }
        assert_eq!(code(stage.refresh(&first).await), REUSE);
        assert_dead(stage, &family, REUSE).await;
    }
}

pub(crate) async fn a_restored_database_ends_the_session_without_blame(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let first = stage.log_in("ada@acme.example").await;
    let backup = stage.session(first.session).await;
    let second = stage.refresh(&first).await.unwrap();
    let third = stage.refresh(&second).await.unwrap();
    let now = stage.session(first.session).await;
    let mut tx = stage
        .runner()
        .store()
        .begin_system(&stage.test().system(), Effect::Write)
        .await
        .unwrap();
    tx.sessions()
        .update(
            &Session {
                version: now.version,
                ..backup
            },
            now.version,
        )
        .await
        .unwrap();
    save(tx).await;
    stage.drain().await;
    assert_eq!(code(stage.refresh(&third).await), (401, "session.ahead"));
    let events = stage.drain().await;
    assert_eq!(events.len(), 1, "no mail about a thief");
    assert_dead(stage, &[&first, &second, &third], (401, "session.ahead")).await;
}

pub(crate) async fn sessions_end_when_idle_and_at_last(stage: &Stage) {
    const DAY: Duration = Duration::from_secs(86_400);
    stage.person("ada@acme.example").await;
    let expired = (401, "session.expired");
    let idle = stage.log_in("ada@acme.example").await;
    stage.test().advance(14 * DAY);
    assert_eq!(code(stage.refresh(&idle).await), expired);
    let mut used = stage.log_in("ada@acme.example").await;
    for _ in 0..6 {
        stage.test().advance(13 * DAY);
        used = stage.refresh(&used).await.unwrap();
    }
    assert_eq!(used.refresh_expires_in, 12 * 86_400, "78 of 90 days are over");
    stage.test().advance(12 * DAY);
    assert_eq!(code(stage.refresh(&used).await), expired);
}

pub(crate) async fn a_disabled_user_refreshes_nothing(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let pair = stage.log_in("ada@acme.example").await;
    stage.disable("ada@acme.example").await;
    assert_eq!(code(stage.refresh(&pair).await), (401, "session.disabled"));
    assert_dead(stage, &[&pair], (401, "session.disabled")).await;
}

pub(crate) async fn foreign_and_invented_tokens_change_nothing(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let pair = stage.log_in("ada@acme.example").await;
    let before = stage.session(pair.session).await;
    let stolen = pair.refresh_token.expose();
    let foreign = {
        use wisdom_auth::session::refresh_token::{RefreshKey, RefreshToken};
        let key = RefreshKey::generate(&*stage.test().kit().random).unwrap();
        [
            RefreshToken::mint(pair.session, 1, &key),
            RefreshToken::mint(stage.test().id(), 1, &key),
        ]
    };
    let invented = [
        "",
        "wrt_",
        &stolen[..63],
        &stolen.to_uppercase(),
        pair.access_token.expose(),
    ]
    .map(secret);
    for token in foreign.into_iter().chain(invented) {
        let attempt = TokenPair {
            refresh_token: token,
            ..pair.clone()
        };
        assert_eq!(code(stage.refresh(&attempt).await), (401, "token.invalid"));
    }
    assert_eq!(stage.session(pair.session).await, before);
    assert!(stage.refresh(&pair).await.is_ok());
}
