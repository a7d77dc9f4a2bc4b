//! Cases about users, and about units of work outside of any tenant.

use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::storage::{Constraint, StorageErrorKind};
use wisdom_core::unit_of_work::{Effect, UnitOfWork as _};
use wisdom_core::value::DisplayName;

use super::fixtures::{IdentityStore, address, new_user, seed_user};
use crate::store::IdentityTx as _;
use crate::user::{User, UserState};

/// The store is up.
pub async fn ping_answers<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    h.store().ping().await.expect("ping");
}

/// A user comes back as written, by id and by every way to write the address.
pub async fn user_is_read_back<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let mut user = new_user(h.test(), "Ada.Lovelace");
    user.email_verified_at = Some(h.test().advance(Duration::from_micros(1_234_567)));
    user.state = UserState::Disabled;
    let mut tx = h.system().await;
    tx.users().insert(&user).await.expect("insert");
    assert_eq!(
        tx.users().find(user.id).await.expect("find"),
        Some(user.clone()),
        "before commit"
    );
    save(tx).await;
    let mut tx = h.system_read().await;
    let found = tx.users().find(user.id).await.expect("find").expect("the user");
    assert_eq!(found, user);
    assert_eq!(
        found.email.as_str(),
        user.email.as_str(),
        "the address is kept as it was written"
    );
    let by_email = tx
        .users()
        .find_by_email(&address("ada.LOVELACE@ACME.test"))
        .await
        .expect("find_by_email");
    assert_eq!(by_email, Some(user));
    assert_eq!(tx.users().find(h.test().id()).await.expect("find"), None);
    assert_eq!(
        tx.users()
            .find_by_email(&address("bob@acme.test"))
            .await
            .expect("find_by_email"),
        None
    );
}

/// One address is one user by lookup key, and the conflict does no harm to the rest of the unit of work.
pub async fn user_email_is_unique_and_the_unit_stays_usable<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = new_user(h.test(), "ada");
    let same = User {
        email: address("ADA@Acme.test"),
        ..new_user(h.test(), "other")
    };
    let bob = new_user(h.test(), "bob");
    let mut tx = h.system().await;
    tx.users().insert(&ada).await.expect("insert");
    let refused = tx.users().insert(&same).await.expect_err("the address is taken");
    assert_eq!(refused.kind(), StorageErrorKind::Conflict);
    assert!(refused.violates(Constraint::USER_EMAIL), "{refused}");
    assert_eq!(tx.users().find(same.id).await.expect("find"), None);
    tx.users().insert(&bob).await.expect("the unit of work is usable");
    save(tx).await;
    let mut tx = h.system_read().await;
    assert_eq!(
        tx.users().find_by_email(&ada.email).await.expect("find_by_email"),
        Some(ada)
    );
    assert_eq!(tx.users().find(bob.id).await.expect("find"), Some(bob));
    assert_eq!(tx.users().find(same.id).await.expect("find"), None);
}

/// A committed address is taken for later units of work.
pub async fn user_email_is_unique_across_units<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let same = User {
        email: ada.email.clone(),
        ..new_user(h.test(), "other")
    };
    let mut tx = h.system().await;
    let refused = tx.users().insert(&same).await.expect_err("the address is taken");
    assert!(refused.violates(Constraint::USER_EMAIL), "{refused}");
    tx.users()
        .insert(&new_user(h.test(), "bob"))
        .await
        .expect("the unit of work is usable");
    save(tx).await;
}

/// Of many who sign up with one address at the same moment, one becomes a user.
pub async fn users_signing_up_at_once_get_an_address_once<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let answers = parallel(16, |number| {
        let h = h.clone();
        async move {
            let user = User {
                email: address("ada@acme.test"),
                ..new_user(h.test(), &format!("u{number}"))
            };
            retrying(|| async {
                let mut tx = h.begin_system(Effect::Write).await?;
                match tx.users().insert(&user).await {
                    Err(refused) if refused.violates(Constraint::USER_EMAIL) => Ok(None),
                    Err(error) => Err(error),
                    Ok(()) => try_save(tx).await.map(|()| Some(user.id)),
                }
            })
            .await
            .expect("sign-up")
        }
    })
    .await;
    let winners: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let mut tx = h.system_read().await;
    let found = tx
        .users()
        .find_by_email(&address("ada@acme.test"))
        .await
        .expect("find_by_email");
    assert_eq!(found.map(|user| user.id), winners.first().copied());
}

/// An update needs the stored version, raises it by one, and changes nothing otherwise.
pub async fn user_update_is_compare_and_set<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let changed = User {
        email: address("countess@acme.test"),
        email_verified_at: Some(h.test().now()),
        display_name: DisplayName::parse("Augusta Ada King").expect("a name"),
        state: UserState::Disabled,
        ..ada.clone()
    };
    let mut tx = h.system().await;
    tx.users().update(&changed, 1).await.expect("update");
    save(tx).await;
    let mut tx = h.system().await;
    let late = User {
        display_name: DisplayName::parse("late").expect("a name"),
        ..ada.clone()
    };
    for expected in [1, 3] {
        let refused = tx
            .users()
            .update(&late, expected)
            .await
            .expect_err("the stored version is 2");
        assert_eq!(refused.kind(), StorageErrorKind::Stale, "{refused}");
    }
    let refused = tx
        .users()
        .update(&new_user(h.test(), "nobody"), 1)
        .await
        .expect_err("no such user");
    assert_eq!(refused.kind(), StorageErrorKind::Stale, "{refused}");
    save(tx).await;
    let mut tx = h.system_read().await;
    let found = tx.users().find(ada.id).await.expect("find");
    assert_eq!(
        found,
        Some(User {
            version: 2,
            ..changed.clone()
        })
    );
    assert_eq!(
        tx.users().find_by_email(&ada.email).await.expect("find"),
        None,
        "the old address is free"
    );
    assert_eq!(
        tx.users()
            .find_by_email(&changed.email)
            .await
            .expect("find")
            .map(|user| user.id),
        Some(ada.id)
    );
}

/// Nobody takes over an address by changing their own.
pub async fn user_update_to_a_taken_address_is_a_conflict<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let bob = seed_user(h, "bob").await;
    let mut tx = h.system().await;
    let greedy = User {
        email: ada.email.clone(),
        ..bob.clone()
    };
    let refused = tx
        .users()
        .update(&greedy, 1)
        .await
        .expect_err("the address is taken");
    assert!(refused.violates(Constraint::USER_EMAIL), "{refused}");
    drop(tx);
    let mut tx = h.system_read().await;
    assert_eq!(tx.users().find(bob.id).await.expect("find"), Some(bob));
    assert_eq!(
        tx.users().find_by_email(&ada.email).await.expect("find"),
        Some(ada)
    );
}

/// A password's hash is none, then the one that was set last.
pub async fn password_hash_is_set_and_replaced<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let bob = seed_user(h, "bob").await;
    for phc in ["$argon2id$v=19$one", "$argon2id$v=19$two"] {
        let at = h.test().advance(Duration::from_secs(1));
        let mut tx = h.system().await;
        tx.users().set_password_hash(ada.id, phc, at).await.expect("set");
        save(tx).await;
        let mut tx = h.system_read().await;
        assert_eq!(
            tx.users().password_hash(ada.id).await.expect("get").as_deref(),
            Some(phc)
        );
        assert_eq!(tx.users().password_hash(bob.id).await.expect("get"), None);
    }
}

/// There is no password without a user.
pub async fn password_hash_needs_its_user<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let mut tx = h.system().await;
    let refused = tx
        .users()
        .set_password_hash(h.test().id(), "$x", h.test().now())
        .await
        .expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// Pages of users follow each other in the order of ids, without gap or overlap.
pub async fn users_are_paged_by_id<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let mut expected = Vec::new();
    for n in 0..5 {
        expected.push(seed_user(h, &format!("user{n}")).await.id);
    }
    expected.sort_unstable();
    let mut tx = h.system_read().await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = tx.users().page(after, 2).await.expect("page");
        assert!(page.len() <= 2);
        seen.extend(page.iter().map(|user| user.id));
        match page.last() {
            Some(last) => after = Some(last.id),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

/// Earlier hashes come newest first, and no more of them stay than are asked for.
pub async fn old_password_hashes_are_listed_newest_first_and_forgotten<S: IdentityStore + ?Sized>(
    h: &Harness<S>,
) {
    let ada = seed_user(h, "ada").await;
    let bob = seed_user(h, "bob").await;
    for phc in ["$1", "$2", "$3", "$4"] {
        let mut tx = h.system().await;
        let users = tx.users();
        users.add_old_password_hash(ada.id, phc, 3).await.expect("add");
        users.add_old_password_hash(bob.id, phc, 1).await.expect("add");
        save(tx).await;
    }
    let mut tx = h.system_read().await;
    let list = async |tx: &mut S::SystemTx, id, limit| {
        tx.users().old_password_hashes(id, limit).await.expect("list")
    };
    assert_eq!(list(&mut *tx, ada.id, 10).await, ["$4", "$3", "$2"]);
    assert_eq!(list(&mut *tx, ada.id, 1).await, ["$4"]);
    assert_eq!(list(&mut *tx, bob.id, 10).await, ["$4"]);
    assert!(list(&mut *tx, h.test().id(), 10).await.is_empty());
    drop(tx);
    let mut tx = h.system().await;
    tx.users()
        .add_old_password_hash(ada.id, "$5", 0)
        .await
        .expect("forget");
    save(tx).await;
    let mut tx = h.system_read().await;
    assert!(list(&mut *tx, ada.id, 10).await.is_empty());
}

/// Dropping a unit of work undoes it, and the next writer gets its turn.
pub async fn dropped_system_unit_leaves_nothing<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = new_user(h.test(), "ada");
    for _ in 0..3 {
        let mut tx = h.system().await;
        tx.users().insert(&ada).await.expect("insert");
        drop(tx);
    }
    let mut tx = h.system_read().await;
    assert_eq!(tx.users().find(ada.id).await.expect("find"), None);
}

/// Rolling back undoes it too.
pub async fn rolled_back_system_unit_leaves_nothing<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = new_user(h.test(), "ada");
    let mut tx = h.system().await;
    tx.users().insert(&ada).await.expect("insert");
    tx.rollback().await.expect("rollback");
    let mut tx = h.system_read().await;
    assert_eq!(tx.users().find(ada.id).await.expect("find"), None);
}

/// Nobody sees what is not committed.
pub async fn uncommitted_user_is_invisible<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = new_user(h.test(), "ada");
    let mut writing = h.system().await;
    writing.users().insert(&ada).await.expect("insert");
    let mut reading = h.system_read().await;
    assert_eq!(reading.users().find(ada.id).await.expect("find"), None);
    drop(reading);
    save(writing).await;
    let mut reading = h.system_read().await;
    assert_eq!(reading.users().find(ada.id).await.expect("find"), Some(ada));
}

/// A unit of work that was begun for reading writes nothing, and ends by committing an empty record.
pub async fn system_read_unit_refuses_writes<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = new_user(h.test(), "ada");
    let mut tx = h.system_read().await;
    let refused = tx.users().insert(&ada).await.expect_err("it only reads");
    assert_eq!(refused.kind(), StorageErrorKind::Invalid, "{refused}");
    drop(tx);
    let mut tx = h.system_read().await;
    assert_eq!(tx.users().find(ada.id).await.expect("find"), None);
    save(tx).await;
}
