//! Proofs in parallel, on every store: of sixteen uses of one code, recovery code, link or reset token, one wins.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

#[path = "auth_suite/mailed_proof.rs"]
#[expect(
    dead_code,
    reason = "the cases of single calls in another test file use the rest"
)]
mod mailed_proof;
#[path = "auth_suite/second_factor.rs"]
#[expect(
    dead_code,
    reason = "the cases of single calls in another test file use the rest"
)]
mod second_factor;
#[path = "auth_suite/stage.rs"]
#[expect(
    dead_code,
    reason = "the cases of single calls in another test file use the rest"
)]
mod stage;

use std::sync::Arc;
use std::time::Duration;

use mailed_proof::{link_token, reset_token, use_link};
use second_factor::{arm, finish};
use stage::{Stage, code, secret};
use wisdom_adapters::storage::{self, DynStore};
use wisdom_auth::attempts::AttemptPolicy;
use wisdom_auth::error::AuthError;
use wisdom_auth::operation::ResetPassword;
use wisdom_auth::session::sign_in::{Proof, SignIn, SignInOutcome};
use wisdom_core::conformance::{TestKit, parallel, rounds};
use wisdom_core::id::UserId;
use wisdom_core::policy::Policies;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Kit;
use wisdom_core::use_case::Flow as _;

/// Fifteen losers a round, which are no reason to keep the winner of the next one waiting.
fn test() -> TestKit {
    TestKit::with_policies(Policies::new().with(AttemptPolicy {
        pause_from: 99,
        of_known_devices: 99,
        ..AttemptPolicy::default()
    }))
}

const ADA: &str = "ada@acme.example";
const CALLERS: usize = 16;
const ROUNDS: usize = 200;

/// A sign-in that is half finished, without the password that began it.
async fn half(stage: &Stage, user: UserId) -> SecretText {
    let wish = SignIn {
        user,
        proof: Proof::Password,
        label: String::new(),
        tenant: None,
        verified_hash: None,
        remembered_device: None,
    };
    match stage.runner().on_behalf(&stage.stranger(), &wish).await.unwrap() {
        SignInOutcome::Challenged(grant) => grant.token,
        other => panic!("{other:?}"),
    }
}

/// Sixteen uses of one second factor, spread over four half-finished sign-ins, which bear them all.
async fn finish_at_once(stage: &Stage, user: UserId, digits: &SecretText) -> usize {
    let mut halves = Vec::new();
    for _ in 0..4 {
        halves.push(half(stage, user).await);
    }
    let answers = parallel(CALLERS, |n| {
        let (stage, token, digits) = (stage.clone(), halves[n % 4].clone(), digits.clone());
        async move { finish(&stage, &token, &digits).await }
    })
    .await;
    winners(answers, &["second_factor.invalid", "challenge.invalid"])
}

/// How many won; the others were refused with one of these codes.
fn winners<T: std::fmt::Debug>(answers: Vec<Result<T, AuthError>>, refusals: &[&str]) -> usize {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    for answer in lost {
        let (status, code) = code(answer);
        assert!(refusals.contains(&code), "{status} {code}");
    }
    won.len()
}

async fn a_totp_code_has_one_winner(stage: Stage) {
    let ada = stage.person(ADA).await;
    let armed = arm(&stage, ADA).await;
    stage.limiter().open();
    for round in 0..rounds(ROUNDS) {
        stage.test().advance(Duration::from_secs(30));
        let digits = armed.code(&stage, 0);
        assert_eq!(finish_at_once(&stage, ada.id, &digits).await, 1, "round {round}");
    }
}

async fn a_recovery_code_has_one_winner(stage: Stage) {
    let ada = stage.person(ADA).await;
    stage.limiter().open();
    let mut codes = arm(&stage, ADA).await.recovery_codes;
    let mut session = None;
    for round in 0..rounds(ROUNDS) {
        if codes.is_empty() {
            let caller = session.take().unwrap();
            let renew = wisdom_auth::operation::RenewRecoveryCodes {};
            codes = renew.run(&stage, &caller).await.unwrap().recovery_codes;
        }
        let digits = codes.pop().unwrap();
        if codes.is_empty() {
            // The last one signs somebody in who can make new ones.
            let token = half(&stage, ada.id).await;
            let done = finish(&stage, &token, &digits).await.unwrap();
            session = Some(stage.caller(&done.tokens));
            assert_eq!(finish_at_once(&stage, ada.id, &digits).await, 0, "round {round}");
        } else {
            assert_eq!(finish_at_once(&stage, ada.id, &digits).await, 1, "round {round}");
        }
    }
}

async fn a_magic_link_has_one_winner(stage: Stage) {
    stage.person(ADA).await;
    stage.verify(ADA).await;
    stage.limiter().open();
    for round in 0..rounds(ROUNDS) {
        let token = link_token(&stage, ADA).await;
        let answers = parallel(CALLERS, |_| {
            let (stage, token) = (stage.clone(), token.clone());
            async move { use_link(&stage, &token).await }
        })
        .await;
        assert_eq!(winners(answers, &["verification.invalid"]), 1, "round {round}");
    }
}

async fn a_reset_token_has_one_winner(stage: Stage) {
    stage.person(ADA).await;
    stage.limiter().open();
    for round in 0..rounds(ROUNDS) {
        let token = reset_token(&stage, ADA).await;
        let answers = parallel(CALLERS, |n| {
            let stage = stage.clone();
            let reset = ResetPassword {
                token: token.clone(),
                password: secret(&format!("violet harbour {n} lanterns {round}")),
            };
            async move { reset.run(&stage, &stage.stranger()).await }
        })
        .await;
        // The bounded queue of hashes may turn somebody away before the token is looked at again.
        let refusals = ["verification.invalid", "hashing.busy"];
        assert_eq!(winners(answers, &refusals), 1, "round {round}");
    }
}

/// One test a case. `$make` is an async function from a kit to a store with empty tables and its guard.
macro_rules! races {
    ($make:path) => {
        races! { @cases $make,
            a_totp_code_has_one_winner,
            a_recovery_code_has_one_winner,
            a_magic_link_has_one_winner,
            a_reset_token_has_one_winner,
        }
    };
    (@cases $make:path, $($case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let test = crate::test();
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
