//! What passkeys promise, over any store.

mod changes;
pub(crate) mod flows;
pub(crate) mod race;
pub(crate) mod refusals;

use serde_json::Value;
use wisdom_adapters::testkit::authenticator::SoftAuthenticator;
use wisdom_auth::operation::{AddPasskey, BeginPasskey, BeginPasskeyLogIn, LogInWithPasskey};
use wisdom_auth::passkey::begin::CeremonyBegun;
use wisdom_auth::passkey::register::PasskeyAdded;
use wisdom_auth::passkey::{Passkey, PasskeyError};
use wisdom_auth::session::Session;
use wisdom_auth::session::renew::TokenPair;
use wisdom_auth::session::sign_in::SignedIn;
use wisdom_auth::user::User;
use wisdom_core::context::Caller;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::Flow as _;
use wisdom_core::value::DisplayName;

use crate::stage::{ORIGIN, Stage};

pub(crate) const ADA: &str = "ada@acme.example";
pub(crate) const EVE: &str = "eve@acme.example";
pub(crate) const REFUSED: (u16, &str) = (401, "passkey.invalid");
pub(crate) const OVER: (u16, &str) = (400, "passkey.ceremony_invalid");
pub(crate) const STALE: (u16, &str) = (403, "step_up.required");

/// A person with a passkey, and the session that made it.
pub(crate) struct Keyed {
    pub(crate) user: User,
    pub(crate) pair: TokenPair,
    pub(crate) key: SoftAuthenticator,
    pub(crate) added: PasskeyAdded,
}

impl Keyed {
    pub(crate) fn caller(&self, stage: &Stage) -> Caller {
        stage.caller(&self.pair)
    }
}

pub(crate) fn name(text: &str) -> DisplayName {
    DisplayName::parse(text).unwrap()
}

pub(crate) async fn begin(stage: &Stage, caller: &Caller) -> CeremonyBegun {
    BeginPasskey {}.run(stage, caller).await.unwrap()
}

pub(crate) async fn add(
    stage: &Stage,
    caller: &Caller,
    ceremony: &SecretText,
    answer: Value,
) -> Result<PasskeyAdded, PasskeyError> {
    let add = AddPasskey {
        ceremony: ceremony.clone(),
        name: name("Laptop"),
        credential: serde_json::from_value(answer).unwrap(),
    };
    add.run(stage, caller).await
}

/// A person who makes a passkey with this authenticator.
pub(crate) async fn keyed_with(stage: &Stage, address: &str, mut key: SoftAuthenticator) -> Keyed {
    let user = stage.person(address).await;
    let pair = stage.log_in(address).await;
    let caller = stage.caller(&pair);
    let begun = begin(stage, &caller).await;
    let answer = key.create(&begun.public_key).unwrap();
    let added = add(stage, &caller, &begun.ceremony, answer).await.unwrap();
    Keyed {
        user,
        pair,
        key,
        added,
    }
}

pub(crate) async fn keyed(stage: &Stage, address: &str) -> Keyed {
    keyed_with(stage, address, SoftAuthenticator::new(ORIGIN).unwrap()).await
}

pub(crate) async fn begin_log_in(stage: &Stage) -> CeremonyBegun {
    BeginPasskeyLogIn {}.run(stage, &stage.stranger()).await.unwrap()
}

pub(crate) async fn log_in(
    stage: &Stage,
    ceremony: &SecretText,
    answer: Value,
) -> Result<TokenPair, PasskeyError> {
    let log_in = LogInWithPasskey {
        ceremony: ceremony.clone(),
        credential: serde_json::from_value(answer).unwrap(),
        device: Some("Test".to_owned()),
    };
    match log_in.run(stage, &stage.stranger()).await? {
        SignedIn::Session(pair) => Ok(pair),
        SignedIn::Challenge(_) => panic!("a passkey is two factors"),
    }
}

/// What must not change when something is refused.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    passkeys: Vec<Passkey>,
    sessions: Vec<Session>,
    credentials: Option<i64>,
}

pub(crate) async fn state(stage: &Stage, user: &User) -> State {
    let store = stage.runner().store();
    let mut tx = store
        .begin_system(&stage.test().system(), Effect::Write)
        .await
        .unwrap();
    let state = State {
        passkeys: tx.passkeys().list_of_user(user.id).await.unwrap(),
        sessions: tx
            .sessions()
            .list_live(user.id, stage.test().now())
            .await
            .unwrap(),
        credentials: tx.users().lock_credentials(user.id).await.unwrap(),
    };
    tx.rollback().await.unwrap();
    state
}
