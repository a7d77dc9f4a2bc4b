//! What one process ends, another one refuses: within a moment while they can read each other's ends, and for certain
//! when they cannot.

#![cfg(feature = "testkit")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use wisdom_adapters::config::Config;
use wisdom_adapters::storage::postgres::RevocationHints;
use wisdom_adapters::testkit::{postgres, require_or_skip};
use wisdom_adapters::{Wisdom, WisdomBuilder};
use wisdom_auth::authenticate::authenticate;
use wisdom_auth::kit::AuthHost as _;
use wisdom_auth::operation::RevokeOne;
use wisdom_auth::session::RevokeReason;
use wisdom_auth::session::revoke::RevokeAllSessions;
use wisdom_auth::session::sign_in::{Proof, SignIn, SignInOutcome};
use wisdom_auth::session::start::SessionGrant;
use wisdom_auth::user::{NewUser, User, register};
use wisdom_core::access::{Access, Callers};
use wisdom_core::catalogue::Host as _;
use wisdom_core::clock::ManualClock;
use wisdom_core::context::{Caller, SystemContext, SystemReason};
use wisdom_core::outcome::Outcome;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow as _, Operation, UseCase};
use wisdom_core::value::{DisplayName, EmailAddress};
use wisdom_tenancy::membership::ChangeRole;

/// Processes that share storage and keys, and a clock that is moved by hand.
struct Fleet {
    url: String,
    folder: tempfile::TempDir,
    clock: ManualClock,
}

impl Fleet {
    fn new(url: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = format!("sqlite:{}", folder.path().join("wisdom.db").display());
        Self {
            url: url.map_or(file, str::to_owned),
            folder,
            clock: ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000).unwrap()),
        }
    }

    /// One more process. It runs no workers: what it reads, it reads when told to.
    async fn process(&self) -> Arc<Wisdom> {
        let mut config = Config::in_memory();
        config.storage.url.clone_from(&self.url);
        self.folder.path().clone_into(&mut config.data_dir);
        "dir:keys".clone_into(&mut config.auth.keys);
        WisdomBuilder::new(config)
            .clock(Arc::new(self.clock.clone()))
            .build()
            .await
            .unwrap()
    }
}

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
struct AddUser {}

impl Operation for AddUser {
    const NAME: &'static str = "test.user.add";
    const SUMMARY: &'static str = "Adds a user.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = wisdom_core::id::UserId;
    type Error = wisdom_auth::error::AuthError;
}

impl<Tx: wisdom_auth::store::IdentityTx + ?Sized> UseCase<Tx> for AddUser {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Self::Output>, Self::Error> {
        let new = NewUser {
            email: EmailAddress::parse("ada@acme.example").unwrap(),
            display_name: DisplayName::parse("Ada").unwrap(),
            phc: "$".to_owned(),
            verified: true,
        };
        let User { id, .. } = register(tx, new).await?;
        Ok(Outcome::unaudited(id, "a test's own"))
    }
}

fn system(wisdom: &Wisdom) -> SystemContext {
    SystemContext::worker(SystemReason("test"), wisdom.request(None, None))
}

async fn start(wisdom: &Wisdom, user: wisdom_core::id::UserId) -> SessionGrant {
    let start = SignIn {
        user,
        label: String::new(),
        tenant: None,
        proof: Proof::Password,
        remembered_device: None,
        verified_hash: None,
    };
    match wisdom.runner().system(&system(wisdom), &start).await.unwrap() {
        SignInOutcome::Started(grant) => grant,
        _ => unreachable!("the user may sign in"),
    }
}

fn token(wisdom: &Wisdom, grant: &SessionGrant) -> String {
    let tokens = &wisdom.auth().tokens;
    let token = tokens
        .issue_for(&grant.principal(), wisdom.kit().clock.now())
        .unwrap();
    token.expose().to_owned()
}

/// What the edge does with a token.
async fn takes(wisdom: &Wisdom, token: &str) -> bool {
    match authenticate(wisdom.auth(), token, wisdom.kit().clock.now()) {
        Ok(principal) => wisdom.ensure_open(&principal, Callers::Any).await.is_ok(),
        Err(_) => false,
    }
}

/// What the edge does with a token at an operation that is closed to some kinds of callers.
async fn takes_for_roles(wisdom: &Wisdom, token: &str) -> bool {
    let callers = wisdom.catalogue().find(ChangeRole::NAME).unwrap().callers;
    match authenticate(wisdom.auth(), token, wisdom.kit().clock.now()) {
        Ok(principal) => wisdom.ensure_open(&principal, callers).await.is_ok(),
        Err(_) => false,
    }
}

async fn end_one(wisdom: &Wisdom, grant: &SessionGrant) {
    let caller = Caller::Authenticated(grant.principal(), wisdom.request(None, None));
    let revoke = RevokeOne {
        session: grant.session,
    };
    revoke.run(wisdom, &caller).await.unwrap();
}

async fn what_one_ends_the_others_refuse(fleet: Fleet) {
    let (one, other) = (fleet.process().await, fleet.process().await);
    let user = one.runner().system(&system(&one), &AddUser {}).await.unwrap();
    let (phone, laptop) = (start(&one, user).await, start(&other, user).await);
    let (on_phone, on_laptop) = (token(&one, &phone), token(&other, &laptop));
    assert!(takes(&other, &on_phone).await && takes(&one, &on_laptop).await);

    end_one(&one, &phone).await;
    assert!(!takes(&one, &on_phone).await, "at once where it was ended");
    other.read_revocations().await.unwrap();
    assert!(!takes(&other, &on_phone).await, "with the next reading elsewhere");
    assert!(takes(&other, &on_laptop).await, "and nothing else");

    // A reading that fails leaves what is known; one that comes late misses nothing.
    fleet.clock.advance(Duration::from_secs(50));
    let end = RevokeAllSessions {
        user,
        except: None,
        reason: RevokeReason::Disabled,
    };
    one.runner().system(&system(&one), &end).await.unwrap();
    fleet.clock.advance(Duration::from_secs(5));
    one.read_revocations().await.unwrap();
    other.read_revocations().await.unwrap();
    assert!(!takes(&one, &on_laptop).await && !takes(&other, &on_laptop).await);
}

async fn operations_closed_to_some_callers_ask_always(fleet: Fleet) {
    let (one, other) = (fleet.process().await, fleet.process().await);
    let user = one.runner().system(&system(&one), &AddUser {}).await.unwrap();
    let (ended, open) = (start(&one, user).await, start(&one, user).await);
    let (on_ended, on_open) = (token(&one, &ended), token(&one, &open));
    assert!(takes_for_roles(&other, &on_ended).await);
    end_one(&one, &ended).await;
    assert!(takes(&other, &on_ended).await, "this test is about something");
    assert!(!takes_for_roles(&other, &on_ended).await);
    assert!(takes_for_roles(&other, &on_open).await);
    assert!(!takes(&other, &on_ended).await, "what was asked is known");
}

/// Without `heard` the reading of twice a second finds out; with it there is nothing to wait for.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_tells_that_sessions_ended() {
    let database = require_or_skip!(postgres().await);
    let fleet = Fleet::new(Some(database.url()));
    let one = fleet.process().await;
    let mut hints = RevocationHints::open(database.url()).await.unwrap().unwrap();
    let user = one.runner().system(&system(&one), &AddUser {}).await.unwrap();
    let grant = start(&one, user).await;
    let quiet = tokio::time::timeout(Duration::from_millis(200), hints.heard()).await;
    assert!(quiet.is_err(), "a session that begins ends none");
    end_one(&one, &grant).await;
    let heard = tokio::time::timeout(Duration::from_secs(10), hints.heard()).await;
    heard.expect("a hint within ten seconds").unwrap();
    let pooled = format!("{}?pooler=transaction", database.url());
    assert!(RevocationHints::open(&pooled).await.unwrap().is_none());
}

async fn a_process_that_hears_nothing_asks(fleet: Fleet) {
    let (one, deaf) = (fleet.process().await, fleet.process().await);
    let user = one.runner().system(&system(&one), &AddUser {}).await.unwrap();
    let (ended, open) = (start(&one, user).await, start(&one, user).await);
    let (on_ended, on_open) = (token(&one, &ended), token(&one, &open));
    end_one(&one, &ended).await;
    fleet.clock.advance(Duration::from_secs(60));
    assert!(takes(&deaf, &on_ended).await, "this test is about something");
    fleet.clock.advance(Duration::from_secs(1));
    assert!(
        !takes(&deaf, &on_ended).await,
        "it does not trust itself any more"
    );
    assert!(takes(&deaf, &on_open).await, "and does not refuse everybody");
    end_one(&one, &open).await;
    assert!(!takes(&deaf, &on_open).await, "nor does it remember an answer");
    deaf.read_revocations().await.unwrap();
    assert!(!takes(&deaf, &on_ended).await && !takes(&deaf, &on_open).await);
}

async fn a_process_that_starts_knows_what_ended_before(fleet: Fleet) {
    let one = fleet.process().await;
    let user = one.runner().system(&system(&one), &AddUser {}).await.unwrap();
    // More than one page of them.
    let mut tokens = Vec::new();
    for _ in 0..1_100 {
        tokens.push(token(&one, &start(&one, user).await));
    }
    let end = RevokeAllSessions {
        user,
        except: None,
        reason: RevokeReason::CredentialChange,
    };
    one.runner().system(&system(&one), &end).await.unwrap();
    fleet.clock.advance(Duration::from_secs(590));
    let new = fleet.process().await;
    for token in &tokens {
        assert!(!takes(&new, token).await);
    }
}

macro_rules! on_both {
    ($($case:ident)*) => {$(
        mod $case {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$case(super::Fleet::new(None)).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                let database = super::require_or_skip!(super::postgres().await);
                super::$case(super::Fleet::new(Some(database.url()))).await;
            }
        }
    )*};
}

on_both! {
    what_one_ends_the_others_refuse
    operations_closed_to_some_callers_ask_always
    a_process_that_hears_nothing_asks
    a_process_that_starts_knows_what_ended_before
}
