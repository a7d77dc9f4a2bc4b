//! What every [`Crm`] must do, one function a case.
//!
//! Expand it with [`crm_conformance!`](crate::crm_conformance), in a crate that has `tokio` with `macros` and `rt`.

#![expect(clippy::missing_panics_doc, reason = "a case fails by panicking")]
#![expect(
    clippy::unwrap_used,
    reason = "a suite for tests: what can't be set up is a failure of the test"
)]

use std::collections::HashSet;

use super::{Contact, ContactKey, Crm, CrmRecordId, MAX_TEXT_BYTES};
use crate::port::PortErrorKind;
use crate::value::EmailAddress;

/// Expands to one named `#[tokio::test]` a case. The argument is an async function without arguments that returns
/// `(impl Crm, guard)` over an empty contact book; the guard lives as long as the case.
#[macro_export]
macro_rules! crm_conformance {
    ($make:expr) => {
        $crate::crm_conformance!(@cases $make;
            the_first_push_makes_a_record
            a_repeated_push_finds_the_record
            a_changed_address_keeps_the_record
            different_keys_are_different_records
            another_keys_address_is_a_conflict
            an_erased_record_is_gone
            erasing_twice_is_a_success
            a_batch_keeps_the_order_of_its_input
            a_batch_with_a_repeated_key_makes_one_record
            a_batch_reports_each_failure_by_itself
            a_batch_may_be_longer_than_one_call
            an_empty_batch_is_a_success
            oversized_input_is_invalid
        );
    };
    (@cases $make:expr; $($case:ident)+) => {
        $(
            #[::tokio::test]
            async fn $case() {
                let (crm, _guard) = ($make)().await;
                $crate::port::crm::conformance::$case(crm).await;
            }
        )+
    };
}

fn contact(n: usize) -> Contact {
    let email = EmailAddress::parse(&format!("person{n}@example.test")).unwrap();
    let mut contact = Contact::new(ContactKey::parse(&format!("usr_{n:04}")).unwrap(), email);
    contact.given_name = Some("Ada".to_owned());
    contact.company = Some("Söhne & Co".to_owned());
    contact
}

/// A key that was never pushed.
pub async fn the_first_push_makes_a_record(crm: impl Crm) {
    assert!(crm.upsert_contact(&contact(1)).await.unwrap().created);
}

/// At-least-once delivery makes no second record.
pub async fn a_repeated_push_finds_the_record(crm: impl Crm) {
    let first = crm.upsert_contact(&contact(1)).await.unwrap();
    let again = crm.upsert_contact(&contact(1)).await.unwrap();
    assert_eq!((again.id, again.created), (first.id, false));
}

/// The key decides, not the address.
pub async fn a_changed_address_keeps_the_record(crm: impl Crm) {
    let first = crm.upsert_contact(&contact(1)).await.unwrap();
    let mut moved = contact(1);
    moved.email = EmailAddress::parse("new@example.test").unwrap();
    let again = crm.upsert_contact(&moved).await.unwrap();
    assert_eq!((again.id, again.created), (first.id, false));
}

/// Two people stay two.
pub async fn different_keys_are_different_records(crm: impl Crm) {
    let one = crm.upsert_contact(&contact(1)).await.unwrap();
    let two = crm.upsert_contact(&contact(2)).await.unwrap();
    assert_ne!(one.id, two.id);
    assert!(two.created);
}

/// One address never joins two people of ours.
pub async fn another_keys_address_is_a_conflict(crm: impl Crm) {
    let one = crm.upsert_contact(&contact(1)).await.unwrap();
    let mut thief = contact(2);
    thief.email = contact(1).email;
    let error = crm.upsert_contact(&thief).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Conflict);
    assert!(!error.is_transient());
    assert_eq!(crm.upsert_contact(&contact(1)).await.unwrap().id, one.id);
}

/// After erasure the same key is a new record.
pub async fn an_erased_record_is_gone(crm: impl Crm) {
    let first = crm.upsert_contact(&contact(1)).await.unwrap();
    crm.erase_contact(&first.id).await.unwrap();
    let again = crm.upsert_contact(&contact(1)).await.unwrap();
    assert!(again.created);
    assert_ne!(again.id, first.id);
}

/// A repeated erasure, and one of a record that never was.
pub async fn erasing_twice_is_a_success(crm: impl Crm) {
    let first = crm.upsert_contact(&contact(1)).await.unwrap();
    crm.erase_contact(&first.id).await.unwrap();
    crm.erase_contact(&first.id).await.unwrap();
    crm.erase_contact(&CrmRecordId::parse("999999999").unwrap())
        .await
        .unwrap();
}

/// Result `n` is that of contact `n`.
pub async fn a_batch_keeps_the_order_of_its_input(crm: impl Crm) {
    let mut single = Vec::new();
    for n in [3, 1, 2] {
        single.push(crm.upsert_contact(&contact(n)).await.unwrap().id);
    }
    let batch = crm
        .upsert_contacts(&[contact(3), contact(1), contact(2)])
        .await
        .unwrap();
    let batch: Vec<_> = batch.into_iter().map(|r| r.unwrap().id).collect();
    assert_eq!(batch, single);
}

/// Two changes of one person in one batch.
pub async fn a_batch_with_a_repeated_key_makes_one_record(crm: impl Crm) {
    let results = crm
        .upsert_contacts(&[contact(1), contact(2), contact(1)])
        .await
        .unwrap();
    let ids: Vec<_> = results.into_iter().map(|r| r.unwrap().id).collect();
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
}

/// One bad contact does not stop its neighbours.
pub async fn a_batch_reports_each_failure_by_itself(crm: impl Crm) {
    crm.upsert_contact(&contact(1)).await.unwrap();
    let mut thief = contact(2);
    thief.email = contact(1).email;
    let mut oversized = contact(4);
    oversized.company = Some("x".repeat(MAX_TEXT_BYTES + 1));
    let results = crm
        .upsert_contacts(&[contact(5), thief, oversized, contact(3)])
        .await
        .unwrap();
    let kinds: Vec<_> = results
        .into_iter()
        .map(|r| r.map(|_| ()).map_err(|e| e.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            Ok(()),
            Err(PortErrorKind::Conflict),
            Err(PortErrorKind::Invalid),
            Ok(())
        ]
    );
}

/// Vendors bound one call; the caller does not need to know how.
pub async fn a_batch_may_be_longer_than_one_call(crm: impl Crm) {
    let people: Vec<_> = (0..205).map(contact).collect();
    let results = crm.upsert_contacts(&people).await.unwrap();
    let ids: HashSet<_> = results.into_iter().map(|r| r.unwrap().id).collect();
    assert_eq!(ids.len(), 205);
}

/// Nothing to do.
pub async fn an_empty_batch_is_a_success(crm: impl Crm) {
    assert!(crm.upsert_contacts(&[]).await.unwrap().is_empty());
}

/// Bounds hold before anything is sent.
pub async fn oversized_input_is_invalid(crm: impl Crm) {
    let mut long = contact(1);
    long.properties
        .insert("note".to_owned(), "x".repeat(MAX_TEXT_BYTES + 1));
    assert_eq!(
        crm.upsert_contact(&long).await.unwrap_err().kind,
        PortErrorKind::Invalid
    );
}
