//! Refresh tokens in parallel, on every store: one winner a round, by the rules of `wisdom_auth::session::refresh`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

#[path = "auth_suite/stage.rs"]
#[expect(
    dead_code,
    reason = "the cases of single calls in another test file use the rest"
)]
mod stage;

use std::sync::Arc;
use std::time::Duration;

use stage::{Stage, code};
use wisdom_adapters::storage::{self, DynStore};
use wisdom_auth::error::AuthError;
use wisdom_auth::session::RevokeReason;
use wisdom_auth::session::refresh::RefreshPolicy;
use wisdom_auth::session::renew::TokenPair;
use wisdom_auth::session::revoke::RevokeSession;
use wisdom_core::conformance::{TestKit, parallel, rounds};
use wisdom_core::policy::Policies;
use wisdom_core::unit_of_work::Kit;

/// Strict: no window once the child was seen; only answers that were lost are given again.
fn strict(max_replays: u16) -> TestKit {
    let policy = RefreshPolicy::default()
        .grace(Duration::ZERO, max_replays)
        .unwrap();
    TestKit::with_policies(Policies::new().with(policy))
}

fn generations(usual: usize) -> std::ops::RangeInclusive<i64> {
    1..=i64::try_from(rounds(usual)).unwrap()
}

async fn refresh_at_once(stage: &Stage, pair: &TokenPair, count: usize) -> Vec<Result<TokenPair, AuthError>> {
    parallel(count, |_| {
        let (stage, pair) = (stage.clone(), pair.clone());
        async move { stage.refresh(&pair).await }
    })
    .await
}

/// Two calls with one token: one rotates, the other is given the same answer.
async fn two_callers(stage: Stage) {
    stage.person("ada@acme.example").await;
    let mut pair = stage.log_in("ada@acme.example").await;
    for round in generations(200) {
        let answers = refresh_at_once(&stage, &pair, 2).await;
        let [one, other] = <[_; 2]>::try_from(answers).unwrap().map(Result::unwrap);
        assert_eq!(
            one.refresh_token.expose(),
            other.refresh_token.expose(),
            "one child in round {round}"
        );
        let session = stage.session(pair.session).await;
        assert_eq!(
            (session.generation, session.replays),
            (round + 1, 1),
            "one winner in round {round}"
        );
        pair = one;
    }
}

/// Sixteen calls with one token, within what the policy answers again: one child, nobody signed out.
async fn sixteen_callers(stage: Stage) {
    stage.person("ada@acme.example").await;
    let mut pair = stage.log_in("ada@acme.example").await;
    for round in generations(200) {
        let answers = refresh_at_once(&stage, &pair, 16).await;
        let pairs: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(
            pairs
                .iter()
                .all(|p| p.refresh_token.expose() == pairs[0].refresh_token.expose())
        );
        let session = stage.session(pair.session).await;
        assert_eq!(
            (session.generation, session.replays),
            (round + 1, 15),
            "one winner in round {round}"
        );
        pair = pairs[0].clone();
    }
}

/// Sixteen tabs of one browser, whose access token ended for all of them: one child, and nobody is signed out, whether or
/// not another tab uses the child already.
async fn sixteen_tabs(stage: Stage) {
    stage.person("ada@acme.example").await;
    let mut pair = stage.log_in("ada@acme.example").await;
    for round in generations(200) {
        let answers = parallel(16, |n| {
            let (stage, pair) = (stage.clone(), pair.clone());
            async move {
                let answer = stage.refresh(&pair).await;
                if let (Ok(child), true) = (&answer, n % 4 == 0) {
                    stage.see(child).await;
                }
                answer
            }
        })
        .await;
        let pairs: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(
            pairs
                .iter()
                .all(|p| p.refresh_token.expose() == pairs[0].refresh_token.expose())
        );
        let session = stage.session(pair.session).await;
        assert_eq!(
            (session.generation, session.replays, session.revoked),
            (round + 1, 0, None),
            "one winner in round {round}"
        );
        pair = pairs[0].clone();
    }
    // Whatever the tabs did, the token before is still worth as many answers as any whose answer was lost.
    let lost = stage.refresh(&pair).await.unwrap();
    stage.test().advance(Duration::from_secs(3600));
    for _ in 0..5 {
        assert_eq!(
            stage.refresh(&pair).await.unwrap().refresh_token.expose(),
            lost.refresh_token.expose()
        );
    }
    assert_eq!(code(stage.refresh(&pair).await), (401, "session.reuse"));
}

/// Without a window: answered again while the child was not used; once it was, by refreshing or by its access token, the
/// parent kills the family, of which nothing works for a single call.
async fn a_used_child_makes_its_parent_deadly(stage: Stage) {
    stage.person("ada@acme.example").await;
    for round in 0..rounds(100) {
        let parent = stage.log_in("ada@acme.example").await;
        let child = stage.refresh(&parent).await.unwrap();
        let mut family = vec![parent.clone(), child.clone()];
        for _ in 0..round % 6 {
            let again = stage.refresh(&parent).await.unwrap();
            assert_eq!(again.refresh_token.expose(), child.refresh_token.expose());
            family.push(again);
        }
        if round % 2 == 0 {
            stage.see(family.last().unwrap()).await;
        } else {
            family.push(stage.refresh(&child).await.unwrap());
        }
        assert_eq!(
            code(stage.refresh(&parent).await),
            (401, "session.reuse"),
            "round {round}"
        );
        for member in &family {
            assert_eq!(code(stage.authenticate(member)), (401, "token.invalid"));
            assert_eq!(code(stage.refresh(member).await), (401, "session.reuse"));
        }
    }
}

/// Without a window, sixteen calls are more than five answers again: the sixth of them ends the session, and nothing opens it.
async fn sixteen_callers_beyond_the_grace(stage: Stage) {
    stage.person("ada@acme.example").await;
    for _ in 0..rounds(20) {
        let pair = stage.log_in("ada@acme.example").await;
        let answers = refresh_at_once(&stage, &pair, 16).await;
        let (good, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 6, "the winner and five answers again");
        assert!(
            refused
                .into_iter()
                .all(|answer| code(answer) == (401, "session.reuse"))
        );
        let child = good.into_iter().map(Result::unwrap).next().unwrap();
        assert_eq!(code(stage.refresh(&child).await), (401, "session.reuse"));
        assert_eq!(code(stage.authenticate(&child)), (401, "token.invalid"));
    }
}

/// A child that was seen against its spent parent: whatever comes first, the family dies, and stays dead.
async fn a_spent_token_beside_its_child(stage: Stage) {
    stage.person("ada@acme.example").await;
    for _ in 0..rounds(100) {
        let parent = stage.log_in("ada@acme.example").await;
        let child = stage.refresh(&parent).await.unwrap();
        stage.see(&child).await;
        let answers = parallel(2, |n| {
            let (stage, pair) = (stage.clone(), if n == 0 { parent.clone() } else { child.clone() });
            async move { (n, stage.refresh(&pair).await) }
        })
        .await;
        for (n, answer) in answers {
            match answer {
                Ok(_) => assert_eq!(n, 1, "the spent token is never answered"),
                Err(error) => assert_eq!(code(Err::<(), _>(error)), (401, "session.reuse")),
            }
        }
        let session = stage.session(parent.session).await;
        assert!(matches!(session.revoked, Some((_, RevokeReason::Reuse))));
    }
}

/// Refreshing against the end of the session: after it returned, no refresh succeeds.
async fn refresh_against_revoke(stage: Stage) {
    stage.person("ada@acme.example").await;
    for _ in 0..rounds(100) {
        let pair = stage.log_in("ada@acme.example").await;
        let answers = parallel(4, |n| {
            let (stage, pair) = (stage.clone(), pair.clone());
            async move {
                if n == 0 {
                    let (session, user) = (pair.session, pair.user);
                    let end = RevokeSession {
                        session,
                        user,
                        reason: RevokeReason::Revoked,
                    };
                    assert!(stage.runner().on_behalf(&stage.stranger(), &end).await.unwrap());
                    assert_eq!(code(stage.refresh(&pair).await), (401, "session.revoked"));
                    return None;
                }
                stage.refresh(&pair).await.ok()
            }
        })
        .await;
        for late in answers.into_iter().flatten() {
            assert_eq!(code(stage.refresh(&late).await), (401, "session.revoked"));
        }
    }
}

/// One test a case. `$make` is an async function from a kit to a store with empty tables and its guard, or `None` where
/// the store cannot be had and may be skipped.
macro_rules! races {
    ($make:path) => {
        races! { @cases $make,
            two_callers: strict(5),
            sixteen_callers: strict(15),
            sixteen_callers_beyond_the_grace: strict(5),
            sixteen_tabs: TestKit::new(),
            a_used_child_makes_its_parent_deadly: strict(5),
            a_spent_token_beside_its_child: strict(5),
            refresh_against_revoke: TestKit::new(),
        }
    };
    (@cases $make:path, $($case:ident: $test:expr,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let test = $test;
                let (store, guard) = $make(Arc::clone(test.kit())).await;
                super::$case(Stage::new(store, test, guard)).await;
            }
        )+
    };
}

mod memory {
    use super::*;

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, ()) {
        (storage::open("memory:", kit).await.unwrap(), ())
    }

    races!(make);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::*;

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
        (storage::open(&url, kit).await.unwrap(), folder)
    }

    races!(make);
}

#[cfg(feature = "testkit")]
mod postgres {
    use super::*;
    use wisdom_adapters::testkit::{TestDatabase, postgres};

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, TestDatabase) {
        let database = postgres()
            .await
            .expect("a PostgreSQL server for tests; see wisdom_adapters::testkit");
        (storage::open(database.url(), kit).await.unwrap(), database)
    }

    races!(make);
}
