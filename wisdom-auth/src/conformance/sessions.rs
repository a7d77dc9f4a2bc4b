//! Cases about sessions.

use std::net::Ipv4Addr;
use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::id::SessionId;
use wisdom_core::storage::{Constraint, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{IdentityStore, keep, new_session, seed_user};
use crate::session::feed::RevokedSession;
use crate::session::origin::Origin;
use crate::session::{RevokeReason, Session};
use crate::store::IdentityTx as _;

async fn find<S: IdentityStore + ?Sized>(h: &Harness<S>, id: SessionId) -> Option<Session> {
    h.system_read().await.sessions().find(id).await.expect("find")
}

/// A session comes back as written.
pub async fn session_is_read_back<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let session = Session {
        generation: i64::MAX,
        confirmed: true,
        replays: 5,
        ..new_session(h.test(), ada.id)
    };
    keep(h, &session).await;
    assert_eq!(find(h, session.id).await, Some(session));
    assert_eq!(find(h, h.test().id()).await, None);
}

/// There is no session without a user.
pub async fn session_needs_its_user<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let mut tx = h.system().await;
    let session = new_session(h.test(), h.test().id());
    let refused = tx.sessions().insert(&session).await.expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// An id is used once.
pub async fn session_id_is_unique<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let session = new_session(h.test(), ada.id);
    keep(h, &session).await;
    let again = Session {
        generation: 9,
        ..session.clone()
    };
    let mut tx = h.system().await;
    let refused = tx.sessions().insert(&again).await.expect_err("the id is taken");
    assert_eq!(refused.kind(), StorageErrorKind::Conflict, "{refused}");
    drop(tx);
    assert_eq!(find(h, session.id).await, Some(session));
}

/// An update needs the stored version, raises it by one, and changes nothing otherwise.
pub async fn session_update_is_compare_and_set<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let session = new_session(h.test(), ada.id);
    keep(h, &session).await;
    let rotated = Session {
        generation: 2,
        generation_at: h.test().advance(Duration::from_mins(1)),
        confirmed: true,
        replays: 3,
        refreshed_from: Origin::new(Some(Ipv4Addr::LOCALHOST.into()), "Küche"),
        idle_until: session.idle_until.saturating_add(Duration::from_mins(1)),
        ..session.clone()
    };
    let mut tx = h.system().await;
    tx.sessions().update(&rotated, 1).await.expect("update");
    let refused = tx
        .sessions()
        .update(&session, 1)
        .await
        .expect_err("the version is 2 by now");
    assert_eq!(refused.kind(), StorageErrorKind::Stale, "{refused}");
    let unknown = new_session(h.test(), ada.id);
    let refused = tx
        .sessions()
        .update(&unknown, 1)
        .await
        .expect_err("no such session");
    assert_eq!(refused.kind(), StorageErrorKind::Stale, "{refused}");
    save(tx).await;
    assert_eq!(
        find(h, session.id).await,
        Some(Session {
            version: 2,
            ..rotated
        })
    );
}

/// Every reason to end a session is stored and read.
pub async fn session_of_every_end_is_read_back<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    for reason in [
        RevokeReason::LogOut,
        RevokeReason::Revoked,
        RevokeReason::Reuse,
        RevokeReason::Ahead,
        RevokeReason::CredentialChange,
        RevokeReason::Disabled,
    ] {
        let session = new_session(h.test(), ada.id);
        keep(h, &session).await;
        let ended = Session {
            revoked: Some((h.test().now(), reason)),
            ..session
        };
        let mut tx = h.system().await;
        tx.sessions().update(&ended, 1).await.expect("update");
        save(tx).await;
        assert_eq!(find(h, ended.id).await, Some(Session { version: 2, ..ended }));
    }
}

/// Of many updates of one version at the same moment, one wins and all others are stale.
pub async fn session_updates_at_once_have_one_winner<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let session = new_session(h.test(), ada.id);
    keep(h, &session).await;
    for version in 1..=4 {
        let answers = parallel(16, |number| {
            let (h, session) = (h.clone(), session.clone());
            async move {
                let label = format!("round {version} number {number}");
                let update = Session {
                    label: label.clone(),
                    generation: version + 1,
                    ..session
                };
                let answer = retrying(|| async {
                    let mut tx = h.begin_system(Effect::Write).await?;
                    tx.sessions().update(&update, version).await?;
                    try_save(tx).await
                })
                .await;
                match answer {
                    Ok(()) => Some(label),
                    Err(error) => {
                        assert_eq!(error.kind(), StorageErrorKind::Stale, "{error}");
                        None
                    }
                }
            }
        })
        .await;
        let winners: Vec<String> = answers.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        let stored = find(h, session.id).await.expect("the session");
        assert_eq!(stored.version, version + 1);
        assert_eq!(
            Some(&stored.label),
            winners.first(),
            "who was told to have won is who is stored"
        );
    }
}

/// The list holds the user's live sessions, newest first.
pub async fn live_sessions_are_listed_newest_first<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let mut expected = Vec::new();
    for _ in 0..3 {
        h.test().advance(Duration::from_secs(1));
        let session = new_session(h.test(), ada.id);
        keep(h, &session).await;
        expected.insert(0, session);
    }
    keep(h, &new_session(h.test(), bob.id)).await;
    let revoked = Session {
        revoked: Some((h.test().now(), RevokeReason::LogOut)),
        ..new_session(h.test(), ada.id)
    };
    keep(h, &revoked).await;
    let listed = h
        .system_read()
        .await
        .sessions()
        .list_live(ada.id, h.test().now())
        .await
        .expect("list");
    assert_eq!(listed, expected);
}

/// A session is over at the very moment of either end.
pub async fn live_sessions_end_at_their_ends<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let now = h.test().now();
    let later = |seconds| now.saturating_add(Duration::from_secs(seconds));
    let session = new_session(h.test(), ada.id);
    let idle = Session {
        idle_until: later(10),
        absolute_until: later(100),
        ..session.clone()
    };
    let absolute = Session {
        id: h.test().id(),
        idle_until: later(100),
        absolute_until: later(20),
        ..session
    };
    keep(h, &idle).await;
    keep(h, &absolute).await;
    let tick = Duration::from_micros(1);
    for (at, expected) in [
        (later(10).saturating_sub(tick), 2),
        (later(10), 1),
        (later(20).saturating_sub(tick), 1),
        (later(20), 0),
    ] {
        let listed = h
            .system_read()
            .await
            .sessions()
            .list_live(ada.id, at)
            .await
            .expect("list");
        assert_eq!(listed.len(), expected, "at {at}");
    }
}

/// Revoking all answers which, spares the one that is named, and touches nobody else.
pub async fn revoke_all_ends_all_but_one<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let mine: Vec<Session> = (0..4).map(|_| new_session(h.test(), ada.id)).collect();
    for session in &mine {
        keep(h, session).await;
    }
    let before = Session {
        revoked: Some((h.test().now(), RevokeReason::LogOut)),
        ..new_session(h.test(), ada.id)
    };
    keep(h, &before).await;
    let other = new_session(h.test(), bob.id);
    keep(h, &other).await;
    let at = h.test().advance(Duration::from_secs(5));
    let mut tx = h.system().await;
    let revoke = RevokeReason::CredentialChange;
    let mut ended = tx
        .sessions()
        .revoke_all(ada.id, Some(mine[0].id), revoke, at)
        .await
        .expect("revoke_all");
    let again = tx
        .sessions()
        .revoke_all(ada.id, Some(mine[0].id), revoke, at)
        .await
        .expect("revoke_all");
    save(tx).await;
    let mut expected: Vec<SessionId> = mine[1..].iter().map(|session| session.id).collect();
    ended.sort();
    expected.sort();
    assert_eq!(ended, expected);
    assert_eq!(again, [], "there is nothing left to revoke");
    assert_eq!(find(h, mine[0].id).await.as_ref(), Some(&mine[0]));
    assert_eq!(find(h, before.id).await, Some(before));
    assert_eq!(find(h, other.id).await, Some(other));
    for session in &mine[1..] {
        let stored = find(h, session.id).await.expect("the session");
        assert_eq!(stored.revoked, Some((at, revoke)));
    }
    let mut tx = h.system().await;
    let last = tx
        .sessions()
        .revoke_all(ada.id, None, revoke, at)
        .await
        .expect("revoke_all");
    assert_eq!(last, [mine[0].id]);
}

/// Whoever read a session before it was revoked with all others can't bring it back to life.
pub async fn revoke_all_overtakes_a_rotation<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let session = new_session(h.test(), ada.id);
    keep(h, &session).await;
    let mut tx = h.system().await;
    let at = h.test().now();
    tx.sessions()
        .revoke_all(ada.id, None, RevokeReason::Disabled, at)
        .await
        .expect("revoke_all");
    save(tx).await;
    let mut tx = h.system().await;
    let rotated = Session {
        generation: 2,
        ..session.clone()
    };
    let refused = tx
        .sessions()
        .update(&rotated, session.version)
        .await
        .expect_err("it was revoked in between");
    assert_eq!(refused.kind(), StorageErrorKind::Stale, "{refused}");
}

/// What was revoked is listed by time and id, in pages, and nothing else is.
pub async fn revoked_sessions_are_listed_in_their_order<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    keep(h, &new_session(h.test(), ada.id)).await;
    let mut expected = Vec::new();
    for round in 0..6 {
        // Two at each moment, so that ids decide as well.
        if round % 2 == 0 {
            h.test().advance(Duration::from_secs(1));
        }
        let at = h.test().now();
        let session = Session {
            revoked: Some((at, RevokeReason::LogOut)),
            ..new_session(h.test(), ada.id)
        };
        keep(h, &session).await;
        expected.push(RevokedSession {
            at,
            session: session.id,
        });
    }
    expected.sort_unstable();
    let mut tx = h.system_read().await;
    let mut after = RevokedSession {
        at: Timestamp::EPOCH,
        session: SessionId::from_uuid(uuid::Uuid::nil()),
    };
    let mut listed = Vec::new();
    loop {
        let page = tx.sessions().list_revoked(after, 4).await.expect("list_revoked");
        assert!(page.len() <= 4, "{page:?}");
        let Some(last) = page.last() else { break };
        after = *last;
        listed.extend(page);
    }
    assert_eq!(listed, expected);
    let newest = RevokedSession {
        session: SessionId::from_uuid(uuid::Uuid::nil()),
        ..expected[4]
    };
    let page = tx
        .sessions()
        .list_revoked(newest, 100)
        .await
        .expect("list_revoked");
    assert_eq!(page, expected[4..], "those of the same moment count");
}
