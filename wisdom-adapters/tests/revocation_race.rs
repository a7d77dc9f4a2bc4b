//! Refreshing and signing in against ending, in parallel, on every store: when the call that ends returns, nothing lives.

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

use schemars::JsonSchema;
use serde::Deserialize;
use stage::Stage;
use wisdom_adapters::storage::{self, DynStore};
use wisdom_auth::error::AuthError;
use wisdom_auth::kit::AuthHost as _;
use wisdom_auth::operation::{LogOut, RevokeOne};
use wisdom_auth::session::RevokeReason;
use wisdom_auth::session::refresh::RefreshPolicy;
use wisdom_auth::session::renew::TokenPair;
use wisdom_auth::session::sign_in::{Proof, SignIn, SignInOutcome};
use wisdom_auth::store::IdentityTx;
use wisdom_auth::user::{User, UserState};
use wisdom_core::access::Access;
use wisdom_core::conformance::{TestKit, parallel, rounds};
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::policy::Policies;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::{Effect, Kit};
use wisdom_core::use_case::{Flow as _, Operation, UseCase};

const ROUNDS: usize = 200;
const REFRESHERS: usize = 12;
/// Callers at the same moment: one ends, the next refresh, the last sign in.
const CALLERS: usize = 16;

/// What a change of password does, and what disabling a user does.
#[derive(Debug, Deserialize, JsonSchema)]
struct EndAll {
    user: UserId,
    disable: bool,
}

impl Operation for EndAll {
    const NAME: &'static str = "test.session.end_all";
    const SUMMARY: &'static str = "Changes the user and ends all sessions.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Vec<SessionId>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for EndAll {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Vec<SessionId>>, AuthError> {
        let now = tx.frame().now();
        if self.disable {
            let user = tx.users().find(self.user).await?.unwrap();
            let version = user.version;
            let disabled = User {
                state: UserState::Disabled,
                ..user
            };
            tx.users().update(&disabled, version).await?;
        } else {
            tx.users().set_password_hash(self.user, "$another$", now).await?;
        }
        let ended = tx
            .sessions()
            .revoke_all(self.user, None, RevokeReason::CredentialChange, now)
            .await?;
        Ok(Outcome::unaudited(ended, "a test's own"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    LogOut,
    One,
    Password,
    Disable,
}

impl End {
    async fn run(self, stage: &Stage, user: UserId, pair: &TokenPair) {
        let caller = stage.caller(pair);
        match self {
            Self::LogOut => LogOut {}.run(stage, &caller).await.unwrap(),
            Self::One => {
                let session = pair.session;
                RevokeOne { session }.run(stage, &caller).await.unwrap();
            }
            Self::Password | Self::Disable => {
                let disable = self == Self::Disable;
                let ended = stage
                    .runner()
                    .on_behalf(&stage.stranger(), &EndAll { user, disable })
                    .await
                    .unwrap();
                stage.auth().revocations.revoke(ended, stage.test().now());
            }
        }
    }
}

enum Answer {
    Ended,
    Refreshed(Option<TokenPair>),
    Started(Option<SessionId>),
}

async fn nothing_survives(stage: Stage, end: End) {
    for round in 0..rounds(ROUNDS) {
        let address = format!("ada-{round}@acme.example");
        let user = stage.person(&address).await.id;
        let verified = SecretText::from(stage.password_hash(&address).await);
        let pair = stage.log_in(&address).await;
        let answers = parallel(CALLERS, |number| {
            let (stage, pair, verified) = (stage.clone(), pair.clone(), verified.clone());
            async move {
                match number {
                    0 => {
                        end.run(&stage, user, &pair).await;
                        Answer::Ended
                    }
                    1..=REFRESHERS => Answer::Refreshed(stage.refresh(&pair).await.ok()),
                    _ => {
                        let start = SignIn {
                            user,
                            label: String::new(),
                            tenant: None,
                            proof: Proof::Password,
                            remembered_device: None,
                            verified_hash: Some(verified),
                        };
                        match stage.runner().on_behalf(&stage.stranger(), &start).await.unwrap() {
                            SignInOutcome::Started(grant) => Answer::Started(Some(grant.session)),
                            _ => Answer::Started(None),
                        }
                    }
                }
            }
        })
        .await;
        let mut given = vec![pair];
        for answer in answers {
            match answer {
                Answer::Refreshed(Some(pair)) => given.push(pair),
                Answer::Started(Some(session)) if end == End::Password || end == End::Disable => {
                    let session = stage.session(session).await;
                    assert!(
                        session.revoked.is_some(),
                        "{end:?}: a session began under the end"
                    );
                }
                _ => {}
            }
        }
        for pair in &given {
            assert!(
                stage.authenticate(pair).is_err(),
                "{end:?}: an access token lives"
            );
        }
        // Callers at the same moment share one child.
        given.dedup_by(|one, other| one.refresh_token.expose() == other.refresh_token.expose());
        for pair in &given {
            assert!(
                stage.refresh(pair).await.is_err(),
                "{end:?}: a refresh token lives"
            );
        }
    }
}

/// Many at once with one token are forgiven, so that refreshes end for no other reason.
fn test() -> TestKit {
    let policy = RefreshPolicy::default()
        .grace(Duration::from_secs(10), 50)
        .unwrap();
    TestKit::with_policies(Policies::new().with(policy))
}

macro_rules! cases {
    ($make:ident) => {
        cases! { @ $make, log_out: LogOut, one: One, password: Password, disable: Disable, }
    };
    (@ $make:ident, $($case:ident: $end:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            let test = crate::test();
            let (store, guard) = $make(std::sync::Arc::clone(test.kit())).await;
            crate::nothing_survives(crate::Stage::new(store, test, guard), crate::End::$end).await;
        }
    )*};
}

mod memory {
    use super::{Arc, DynStore, Kit, storage};

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, ()) {
        (storage::open("memory:", kit).await.unwrap(), ())
    }

    cases!(make);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{Arc, DynStore, Kit, storage};

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
        (storage::open(&url, kit).await.unwrap(), folder)
    }

    cases!(make);
}

#[cfg(all(feature = "postgres", feature = "testkit"))]
mod postgres {
    use wisdom_adapters::testkit::{TestDatabase, postgres};

    use super::{Arc, DynStore, Kit, storage};

    async fn make(kit: Arc<Kit>) -> (Arc<DynStore>, TestDatabase) {
        let database = postgres()
            .await
            .expect("PostgreSQL: install it, or run ./test.sh, which starts one");
        (storage::open(database.url(), kit).await.unwrap(), database)
    }

    cases!(make);
}
