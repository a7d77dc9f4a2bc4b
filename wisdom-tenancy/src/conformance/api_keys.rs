//! Cases about API keys.

use std::time::Duration;

use wisdom_auth::api_key::{ApiKey, KeyKind, StoredSecret};
use wisdom_auth::oauth::certificate::ClientCertificate;
use wisdom_auth::oauth::client_token::ClientToken;
use wisdom_auth::store::{ApiKeyRepositories as _, IdentityTx as _};
use wisdom_core::access::Role;
use wisdom_core::certificate::CertificateThumbprint;
use wisdom_core::conformance::{Harness, save};
use wisdom_core::id::{TenantId, UserId};
use wisdom_core::page::PageRequest;
use wisdom_core::storage::Constraint;
use wisdom_core::time::Timestamp;
use wisdom_core::value::DisplayName;

use super::fixtures::{TenancyStore, assert_stale, seed_member, seed_tenant};

fn new_key<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    creator: UserId,
    public_id: &str,
) -> ApiKey {
    h.test().advance(Duration::from_millis(1));
    let now = h.test().now();
    ApiKey {
        id: h.test().id(),
        tenant,
        kind: KeyKind::Key,
        public_id: public_id.to_owned(),
        name: DisplayName::parse("Größerer Schlüssel").expect("a name"),
        owner: None,
        creator,
        role: Role::Member,
        scopes: Some(vec!["thing.read".to_owned(), "thing.write".to_owned()]),
        addresses: vec![
            "203.0.113.0/24".parse().expect("a range"),
            "2001:db8::/32".parse().expect("a range"),
        ],
        secret: StoredSecret {
            hash: [7; 32],
            at: now,
        },
        previous: None,
        certificates: vec![certificate(1, now)],
        expires_at: Some(now.saturating_add(Duration::from_secs(60))),
        last_used_at: None,
        needs_review: false,
        revoked_at: None,
        created_at: now,
        version: 1,
    }
}

fn certificate(digit: u8, now: Timestamp) -> ClientCertificate {
    ClientCertificate {
        thumbprint: CertificateThumbprint::from_bytes([digit; 32]),
        name: DisplayName::parse("Größerer Ausweis").expect("a name"),
        not_before: now,
        expires_at: now.saturating_add(Duration::from_micros(9_000_001)),
        added_at: now,
    }
}

async fn keep<S: TenancyStore + ?Sized>(h: &Harness<S>, key: &ApiKey) {
    let mut tx = h.of(key.tenant).await;
    tx.api_keys().insert(key).await.expect("insert");
    save(tx).await;
}

async fn stored<S: TenancyStore + ?Sized>(h: &Harness<S>, key: &ApiKey) -> Option<ApiKey> {
    let mut tx = h.read_of(key.tenant).await;
    tx.api_keys().find(key.id).await.expect("find")
}

/// A key comes back as written, by id in its tenant and by its public part from outside, with all changes it can have.
pub async fn api_key_is_read_back<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let key = new_key(h, acme.id(), acme.owner.id, "aaaaaaaaaaaa");
    keep(h, &key).await;
    assert_eq!(stored(h, &key).await.as_ref(), Some(&key));
    let plain = ApiKey {
        owner: Some(acme.owner.id),
        scopes: None,
        addresses: Vec::new(),
        certificates: Vec::new(),
        expires_at: None,
        ..new_key(h, acme.id(), acme.owner.id, "bbbbbbbbbbbb")
    };
    keep(h, &plain).await;
    assert_eq!(stored(h, &plain).await.as_ref(), Some(&plain));
    let now = h.test().now();
    let changed = ApiKey {
        name: DisplayName::parse("Other").expect("a name"),
        secret: StoredSecret {
            hash: [8; 32],
            at: now,
        },
        previous: Some(StoredSecret {
            hash: [7; 32],
            at: now.saturating_add(Duration::from_secs(9)),
        }),
        certificates: vec![certificate(1, key.created_at), certificate(2, now)],
        needs_review: true,
        revoked_at: Some(now),
        version: 2,
        ..key.clone()
    };
    let mut tx = h.of(acme.id()).await;
    tx.api_keys().update(&changed, 1).await.expect("update");
    save(tx).await;
    assert_eq!(stored(h, &key).await.as_ref(), Some(&changed));
    let mut tx = h.system_read().await;
    let presented = tx.presented_keys().find("aaaaaaaaaaaa").await.expect("find");
    assert_eq!(presented, Some(changed.clone()));
    let presented = tx.presented_keys().find_by_id(key.id).await.expect("find");
    assert_eq!(presented, Some(changed));
    let nobodys = tx.presented_keys().find_by_id(h.test().id()).await.expect("find");
    assert_eq!(nobodys, None);
    assert_eq!(
        tx.presented_keys().find("cccccccccccc").await.expect("find"),
        None
    );
}

/// An update of another version is stale, and so is one of another tenant's key.
pub async fn api_key_update_is_compare_and_set<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, bolt) = (seed_tenant(h, "acme").await, seed_tenant(h, "bolt").await);
    let key = new_key(h, acme.id(), acme.owner.id, "aaaaaaaaaaaa");
    keep(h, &key).await;
    let mut tx = h.of(acme.id()).await;
    assert_stale(tx.api_keys().update(&key, 2).await);
    drop(tx);
    let mut tx = h.of(bolt.id()).await;
    assert_stale(tx.api_keys().update(&key, 1).await);
    assert_eq!(tx.api_keys().find(key.id).await.expect("find"), None);
    drop(tx);
    assert_eq!(stored(h, &key).await, Some(key));
}

/// A public part is given once, whatever the tenant, and the conflict leaves the unit usable.
pub async fn api_key_public_part_is_unique<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, bolt) = (seed_tenant(h, "acme").await, seed_tenant(h, "bolt").await);
    keep(h, &new_key(h, acme.id(), acme.owner.id, "aaaaaaaaaaaa")).await;
    let twin = new_key(h, bolt.id(), bolt.owner.id, "aaaaaaaaaaaa");
    let other = new_key(h, bolt.id(), bolt.owner.id, "bbbbbbbbbbbb");
    let mut tx = h.of(bolt.id()).await;
    let refused = tx.api_keys().insert(&twin).await.expect_err("taken");
    assert!(refused.violates(Constraint::IDENTITY), "{refused}");
    tx.api_keys().insert(&other).await.expect("insert");
    save(tx).await;
    assert_eq!(stored(h, &other).await, Some(other));
}

/// Lists hold the tenant's keys, oldest first and in pages; of one owner if asked for. Only live keys are counted.
pub async fn api_keys_are_listed_and_counted<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, bolt) = (seed_tenant(h, "acme").await, seed_tenant(h, "bolt").await);
    keep(h, &new_key(h, bolt.id(), bolt.owner.id, "000000000000")).await;
    let first = new_key(h, acme.id(), acme.owner.id, "111111111111");
    let second = ApiKey {
        owner: Some(acme.owner.id),
        expires_at: None,
        ..new_key(h, acme.id(), acme.owner.id, "222222222222")
    };
    let third = ApiKey {
        revoked_at: Some(h.test().now()),
        ..new_key(h, acme.id(), acme.owner.id, "333333333333")
    };
    let client = ApiKey {
        kind: KeyKind::Client,
        revoked_at: Some(h.test().now()),
        ..new_key(h, acme.id(), acme.owner.id, "444444444444")
    };
    for key in [&first, &second, &third, &client] {
        keep(h, key).await;
    }
    let mut tx = h.read_of(acme.id()).await;
    let clients = tx
        .api_keys()
        .list(KeyKind::Client, None, &PageRequest::first(9))
        .await;
    assert_eq!(clients.expect("list").items, [client]);
    let page = tx
        .api_keys()
        .list(KeyKind::Key, None, &PageRequest::first(2))
        .await
        .expect("list");
    assert_eq!(page.items, [first.clone(), second.clone()]);
    let rest = PageRequest {
        after: page.next,
        limit: 2,
    };
    let page = tx.api_keys().list(KeyKind::Key, None, &rest).await.expect("list");
    assert_eq!((page.items, page.next), (vec![third], None));
    let own = tx
        .api_keys()
        .list(KeyKind::Key, second.owner, &PageRequest::first(9))
        .await
        .expect("list");
    assert_eq!(own.items, [second]);
    let now = h.test().now();
    assert_eq!(tx.api_keys().count(now).await.expect("count"), 2);
    let end = first.expires_at.expect("an end");
    assert_eq!(tx.api_keys().count(end).await.expect("count"), 1);
}

/// The tenant's own keys of one creator are flagged once; personal, revoked and other tenants' keys are not.
pub async fn api_keys_of_a_creator_are_flagged<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, bolt) = (seed_tenant(h, "acme").await, seed_tenant(h, "bolt").await);
    let (ada, _) = seed_member(h, acme.id(), "ada", Role::Admin).await;
    let theirs = new_key(h, acme.id(), ada.id, "111111111111");
    let personal = ApiKey {
        owner: Some(ada.id),
        ..new_key(h, acme.id(), ada.id, "222222222222")
    };
    let revoked = ApiKey {
        revoked_at: Some(h.test().now()),
        ..new_key(h, acme.id(), ada.id, "333333333333")
    };
    let others = new_key(h, acme.id(), acme.owner.id, "444444444444");
    let elsewhere = new_key(h, bolt.id(), ada.id, "555555555555");
    for key in [&theirs, &personal, &revoked, &others, &elsewhere] {
        keep(h, key).await;
    }
    for expected in [vec![theirs.id], Vec::new()] {
        let mut tx = h.of(acme.id()).await;
        assert_eq!(tx.api_keys().flag_creator(ada.id).await.expect("flag"), expected);
        save(tx).await;
    }
    let flagged = stored(h, &theirs).await.expect("the key");
    assert!(flagged.needs_review && flagged.version == 2);
    for key in [personal, revoked, others, elsewhere] {
        assert_eq!(stored(h, &key).await, Some(key));
    }
    let mut tx = h.read_of(acme.id()).await;
    assert_eq!(
        tx.api_keys().role_of(ada.id).await.expect("role"),
        Some(Role::Admin)
    );
    let mut tx = h.read_of(bolt.id()).await;
    assert_eq!(tx.api_keys().role_of(ada.id).await.expect("role"), None);
}

/// The last use only moves forward and is no change of the key's version.
pub async fn api_key_use_is_noted<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let key = new_key(h, acme.id(), acme.owner.id, "aaaaaaaaaaaa");
    keep(h, &key).await;
    let later = h.test().now().saturating_add(Duration::from_secs(5));
    for at in [later, h.test().now()] {
        let mut tx = h.system().await;
        let keys = tx.presented_keys();
        keys.note_use(acme.id(), key.id, at).await.expect("note");
        keys.note_use(acme.id(), h.test().id(), at)
            .await
            .expect("nothing");
        save(tx).await;
    }
    let noted = stored(h, &key).await.expect("the key");
    assert_eq!((noted.last_used_at, noted.version), (Some(later), 1));
}

/// A client's token comes back as written, makes room for the client's next once it has ended, and can be removed.
pub async fn client_token_is_read_back_and_dropped<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    for id in ["111111111111", "222222222222"] {
        let client = ApiKey {
            kind: KeyKind::Client,
            ..new_key(h, acme.id(), acme.owner.id, id)
        };
        keep(h, &client).await;
        assert_eq!(stored(h, &client).await, Some(client));
    }
    let token = |public_id: &str, client: &str, scopes: Option<&str>| ClientToken {
        public_id: public_id.to_owned(),
        hash: [9; 32],
        client: client.to_owned(),
        scopes: scopes.map(|name| vec![name.to_owned()]),
        certificate: scopes.map(|_| CertificateThumbprint::from_bytes([5; 32])),
        issued_at: h.test().now(),
        expires_at: h.test().now().saturating_add(Duration::from_secs(60)),
    };
    let first = token("aaaaaaaaaaaa", "111111111111", Some("thing.read"));
    let others = token("bbbbbbbbbbbb", "222222222222", None);
    let mut tx = h.system().await;
    for token in [&first, &others] {
        tx.client_tokens().insert(token).await.expect("insert");
    }
    save(tx).await;
    let mut tx = h.system_read().await;
    for token in [&first, &others] {
        let found = tx.client_tokens().find(&token.public_id).await.expect("find");
        assert_eq!(found.as_ref(), Some(token));
    }
    assert_eq!(tx.client_tokens().find("cccccccccccc").await.expect("find"), None);
    drop(tx);
    h.test().advance(Duration::from_secs(60));
    let next = token("cccccccccccc", "111111111111", None);
    let mut tx = h.system().await;
    tx.client_tokens().insert(&next).await.expect("insert");
    save(tx).await;
    let mut tx = h.system().await;
    assert_eq!(tx.client_tokens().find("aaaaaaaaaaaa").await.expect("find"), None);
    let kept = tx.client_tokens().find("bbbbbbbbbbbb").await.expect("find");
    assert_eq!(kept, Some(others), "another client's stay until its next");
    assert!(tx.client_tokens().delete("cccccccccccc").await.expect("delete"));
    assert!(!tx.client_tokens().delete("cccccccccccc").await.expect("delete"));
    save(tx).await;
    let mut tx = h.system().await;
    let nobodys = token("dddddddddddd", "333333333333", None);
    let refused = tx.client_tokens().insert(&nobodys).await.expect_err("no client");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// Outside of tenants, the role of a user in a tenant is the one of their membership there.
pub async fn role_in_a_tenant_is_the_memberships<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, bolt) = (seed_tenant(h, "acme").await, seed_tenant(h, "bolt").await);
    let (ada, _) = seed_member(h, acme.id(), "ada", Role::Admin).await;
    let mut tx = h.system_read().await;
    let role = tx
        .presented_keys()
        .role_in(acme.id(), ada.id)
        .await
        .expect("role");
    assert_eq!(role, Some(Role::Admin));
    let role = tx
        .presented_keys()
        .role_in(bolt.id(), ada.id)
        .await
        .expect("role");
    assert_eq!(role, None);
}
