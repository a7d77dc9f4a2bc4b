//! Users and sessions that cases work on.

use std::net::Ipv6Addr;
use std::time::Duration;

use wisdom_core::conformance::{Harness, TestKit, save};
use wisdom_core::id::UserId;
use wisdom_core::unit_of_work::Store;
use wisdom_core::value::{DisplayName, EmailAddress};

use crate::session::Session;
use crate::session::origin::Origin;
use crate::store::IdentityTx;
use crate::user::{User, UserState};

/// A store that keeps identity.
pub trait IdentityStore: Store<SystemTx: IdentityTx> {}

impl<S: Store<SystemTx: IdentityTx> + ?Sized> IdentityStore for S {}

/// An address that is valid.
pub(super) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("a valid address")
}

/// A user who is not stored yet, `name@acme.test`.
#[must_use]
pub fn new_user(test: &TestKit, name: &str) -> User {
    User {
        id: test.id(),
        email: address(&format!("{name}@acme.test")),
        email_verified_at: None,
        display_name: DisplayName::parse(name).expect("a valid name"),
        state: UserState::Active,
        created_at: test.now(),
        version: 1,
    }
}

/// A user who is stored, `name@acme.test`.
pub async fn seed_user<S: IdentityStore + ?Sized>(h: &Harness<S>, name: &str) -> User {
    let user = new_user(h.test(), name);
    let mut tx = h.system().await;
    tx.users().insert(&user).await.expect("insert");
    save(tx).await;
    user
}

/// A session that is not stored yet; it ends after a day without use and after a week in any case.
#[must_use]
pub fn new_session(test: &TestKit, user: UserId) -> Session {
    let now = test.now();
    Session {
        id: test.id(),
        user,
        tenant: None,
        label: "Firefox auf Linux, größer als ASCII".to_owned(),
        begun_from: Origin::new(
            Some(Ipv6Addr::LOCALHOST.into()),
            "Firefox auf Linux, größer als ASCII",
        ),
        refreshed_from: Origin::new(None, ""),
        generation: 1,
        generation_at: now,
        confirmed: false,
        replays: 0,
        sealed_key: vec![0, 1, 0xfe, 0xff],
        authenticated_at: now,
        second_factor_at: None,
        idle_until: now.saturating_add(Duration::from_hours(24)),
        absolute_until: now.saturating_add(Duration::from_hours(7 * 24)),
        revoked: None,
        created_at: now,
        version: 1,
    }
}

/// Stores a session.
pub(super) async fn keep<S: IdentityStore + ?Sized>(h: &Harness<S>, session: &Session) {
    let mut tx = h.system().await;
    tx.sessions().insert(session).await.expect("insert");
    save(tx).await;
}
