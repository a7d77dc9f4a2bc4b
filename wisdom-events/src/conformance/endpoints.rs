//! Cases about webhook endpoints.

use std::time::Duration;

use wisdom_core::conformance::{Harness, save};
use wisdom_core::page::PageRequest;
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::value::HttpsUrl;

use super::fixtures::{EventsStore, assert_kind, new_endpoint, seed_delivery, seed_endpoint};
use crate::store::{EventsRepositories as _, RelayTx as _};
use crate::webhook::{Endpoint, SealedSecret};

/// Everything an endpoint can say.
fn full<S: EventsStore + ?Sized>(h: &Harness<S>, endpoint: &Endpoint) -> Endpoint {
    let later = h
        .test()
        .now()
        .saturating_add(Duration::from_micros(86_400_000_001));
    Endpoint {
        url: HttpsUrl::parse("https://other.acme.test/hooks").expect("an address"),
        description: String::new(),
        event_kinds: vec!["tenancy.*".to_owned(), KIND_WITH_QUOTE.to_owned()],
        enabled: false,
        disabled_reason: Some("gone".to_owned()),
        failing_since: Some(h.test().now()),
        secrets: vec![
            SealedSecret {
                sealed: vec![1; 80],
                until: None,
            },
            SealedSecret {
                sealed: Vec::new(),
                until: Some(later),
            },
        ],
        ..endpoint.clone()
    }
}

const KIND_WITH_QUOTE: &str = "it's \"quoted\",{}";

/// An endpoint comes back as written.
pub async fn endpoint_is_read_back<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let plain = new_endpoint(h.test());
    let full = full(h, &new_endpoint(h.test()));
    let mut tx = h.of(h.tenant(0)).await;
    tx.endpoints().insert(&plain).await.expect("insert");
    tx.endpoints().insert(&full).await.expect("insert");
    save(tx).await;
    let mut tx = h.read_of(h.tenant(0)).await;
    assert_eq!(tx.endpoints().count().await.expect("count"), 2);
    assert_eq!(tx.endpoints().find(plain.id).await.expect("find"), Some(plain));
    assert_eq!(tx.endpoints().find(full.id).await.expect("find"), Some(full));
    assert_eq!(tx.endpoints().find(h.test().id()).await.expect("find"), None);
}

/// An update needs the stored version, raises it by one, and changes nothing otherwise.
pub async fn endpoint_update_is_compare_and_set<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let endpoint = seed_endpoint(h, h.tenant(0)).await;
    let changed = full(h, &endpoint);
    let mut tx = h.of(h.tenant(0)).await;
    tx.endpoints().update(&changed, 1).await.expect("update");
    assert_kind(tx.endpoints().update(&endpoint, 1).await, StorageErrorKind::Stale);
    assert_kind(tx.endpoints().update(&endpoint, 3).await, StorageErrorKind::Stale);
    assert_kind(
        tx.endpoints().update(&new_endpoint(h.test()), 1).await,
        StorageErrorKind::Stale,
    );
    save(tx).await;
    let found = h
        .read_of(h.tenant(0))
        .await
        .endpoints()
        .find(endpoint.id)
        .await
        .expect("find");
    assert_eq!(
        found,
        Some(Endpoint {
            version: 2,
            ..changed
        })
    );
}

/// Endpoints come oldest first, ties by id, in pages too.
pub async fn endpoints_are_listed_oldest_first<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mut expected = Vec::new();
    for number in 0..7 {
        if number % 3 == 0 {
            h.test().advance(Duration::from_secs(1));
        }
        let endpoint = seed_endpoint(h, h.tenant(0)).await;
        expected.push((endpoint.created_at, endpoint.id));
    }
    expected.sort();
    let mut seen = Vec::new();
    let mut request = PageRequest::first(3);
    loop {
        let slice = h
            .read_of(h.tenant(0))
            .await
            .endpoints()
            .list(&request)
            .await
            .expect("list");
        assert!(slice.items.len() <= 3);
        seen.extend(
            slice
                .items
                .iter()
                .map(|endpoint| (endpoint.created_at, endpoint.id)),
        );
        request.after = slice.next;
        if slice.next.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

/// Who is asked for an event is every endpoint that is enabled, and no other.
pub async fn endpoints_enabled_are_listed<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let on = seed_endpoint(h, h.tenant(0)).await;
    let off = seed_endpoint(h, h.tenant(0)).await;
    seed_endpoint(h, h.tenant(1)).await;
    let mut tx = h.of(h.tenant(0)).await;
    tx.endpoints()
        .update(
            &Endpoint {
                enabled: false,
                ..off
            },
            1,
        )
        .await
        .expect("update");
    save(tx).await;
    assert_eq!(
        h.read_of(h.tenant(0))
            .await
            .endpoints()
            .list_enabled()
            .await
            .expect("list"),
        [on]
    );
}

/// An endpoint goes with its deliveries, which are not claimed any more.
pub async fn endpoint_delete_takes_its_deliveries<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let (doomed, other) = (
        seed_endpoint(h, h.tenant(0)).await,
        seed_endpoint(h, h.tenant(0)).await,
    );
    let gone = seed_delivery(h, h.tenant(0), doomed.id).await;
    let kept = seed_delivery(h, h.tenant(0), other.id).await;
    let mut tx = h.of(h.tenant(0)).await;
    assert!(tx.endpoints().delete(doomed.id).await.expect("delete"));
    assert!(
        !tx.endpoints().delete(doomed.id).await.expect("delete"),
        "it is gone already"
    );
    save(tx).await;
    let mut tx = h.read_of(h.tenant(0)).await;
    assert_eq!(tx.endpoints().find(doomed.id).await.expect("find"), None);
    assert_eq!(tx.deliveries().find(gone.id).await.expect("find"), None);
    assert_eq!(
        tx.deliveries()
            .find(kept.id)
            .await
            .expect("find")
            .map(|found| found.id),
        Some(kept.id)
    );
    drop(tx);
    let mut tx = h.system().await;
    let claimed = tx
        .delivery_queue()
        .claim(10, 10, h.test().now(), super::fixtures::LEASE)
        .await
        .expect("claim");
    let ids: Vec<_> = claimed.iter().map(|one| one.delivery.id).collect();
    assert_eq!(ids, [kept.id]);
}

/// No look-up, list or write reaches another tenant's endpoint.
pub async fn foreign_endpoints_do_not_exist<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let theirs = seed_endpoint(h, h.tenant(1)).await;
    let mut tx = h.of(h.tenant(0)).await;
    assert_eq!(tx.endpoints().find(theirs.id).await.expect("find"), None);
    assert_eq!(tx.endpoints().count().await.expect("count"), 0);
    assert_eq!(
        tx.endpoints()
            .list(&PageRequest::first(100))
            .await
            .expect("list")
            .items,
        []
    );
    assert_eq!(tx.endpoints().list_enabled().await.expect("list"), []);
    let stolen = Endpoint {
        enabled: false,
        ..theirs.clone()
    };
    assert_kind(tx.endpoints().update(&stolen, 1).await, StorageErrorKind::Stale);
    assert!(!tx.endpoints().delete(theirs.id).await.expect("delete"));
    save(tx).await;
    assert_eq!(
        h.read_of(h.tenant(1))
            .await
            .endpoints()
            .find(theirs.id)
            .await
            .expect("find"),
        Some(theirs)
    );
}
