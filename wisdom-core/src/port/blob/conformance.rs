//! What every blob store must do. Expand with [`blob_conformance!`](crate::blob_conformance).
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{BlobKey, BlobPrefix, BlobStore, ContentType, GetOptions, ListOptions, PutOptions, TenantBlobs};
use crate::id::TenantId;
use crate::port::{PortError, PortErrorKind};

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns `(store, guard)`: an empty store, and anything that
/// has to live as long as it (a folder, a server; `()` if nothing).
#[macro_export]
macro_rules! blob_conformance {
    ($make:expr) => {
        $crate::blob_conformance!(@cases $make;
            missing_is_nothing
            put_is_read_back
            put_replaces_bytes_and_type
            type_defaults_to_octets
            empty_blob_is_a_blob
            if_absent_stores_once
            if_absent_has_one_winner
            range_is_read
            range_behind_the_end_is_refused
            cap_is_kept
            head_tells_size_and_type
            deleted_is_gone
            deleting_nothing_is_fine
            key_and_keys_below_are_independent
            listing_is_ordered_and_complete
            listing_goes_page_by_page
            listing_stays_below_its_prefix
            empty_listing
            awkward_names_are_kept_apart
            readers_never_see_half_a_blob
            tenants_do_not_meet
        );
    };
    (@cases $make:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (subject, _guard) = ($make)().await;
                $crate::port::blob::conformance::$case(subject).await;
            }
        )*
    };
}

fn key(text: &str) -> BlobKey {
    BlobKey::parse(text).expect("a key")
}

fn kind<T: std::fmt::Debug>(result: Result<T, PortError>) -> PortErrorKind {
    result.expect_err("must be refused").kind
}

async fn put(subject: &(impl BlobStore + ?Sized), name: &str, bytes: &'static [u8]) {
    subject
        .put(&key(name), Bytes::from_static(bytes), &PutOptions::default())
        .await
        .expect("put");
}

async fn read(subject: &(impl BlobStore + ?Sized), key: &BlobKey) -> Option<Bytes> {
    subject
        .get(key, &GetOptions::default())
        .await
        .expect("get")
        .map(|blob| blob.bytes)
}

async fn names(subject: &(impl BlobStore + ?Sized), prefix: &BlobPrefix) -> Vec<String> {
    let page = subject.list(prefix, &ListOptions::default()).await.expect("list");
    assert!(!page.more);
    page.items.into_iter().map(|item| item.key.to_string()).collect()
}

/// A key that was never stored.
pub async fn missing_is_nothing(subject: impl BlobStore) {
    assert_eq!(
        subject
            .get(&key("a/b"), &GetOptions::default())
            .await
            .expect("get"),
        None
    );
    assert_eq!(subject.head(&key("a/b")).await.expect("head"), None);
}

/// Bytes, type, size, key.
pub async fn put_is_read_back(subject: impl BlobStore) {
    let bytes = Bytes::from((0..=255).cycle().take(100_000).collect::<Vec<u8>>());
    let content_type = ContentType::parse("image/png").expect("a type");
    let options = PutOptions {
        content_type: content_type.clone(),
        if_absent: false,
    };
    subject
        .put(&key("a/b.png"), bytes.clone(), &options)
        .await
        .expect("put");
    let blob = subject
        .get(&key("a/b.png"), &GetOptions::default())
        .await
        .expect("get")
        .expect("stored");
    assert_eq!(blob.bytes, bytes);
    assert_eq!(blob.meta.size, 100_000);
    assert_eq!(blob.meta.key, key("a/b.png"));
    assert_eq!(blob.meta.content_type, content_type);
    assert!(
        blob.meta.modified_at.unix_seconds() > 1_700_000_000,
        "{:?}",
        blob.meta.modified_at
    );
}

/// Nothing of the first blob is left.
pub async fn put_replaces_bytes_and_type(subject: impl BlobStore) {
    let html = PutOptions {
        content_type: ContentType::parse("text/html").expect("a type"),
        if_absent: false,
    };
    subject
        .put(&key("a"), Bytes::from_static(b"a longer text"), &html)
        .await
        .expect("put");
    put(&subject, "a", b"short").await;
    let blob = subject
        .get(&key("a"), &GetOptions::default())
        .await
        .expect("get")
        .expect("stored");
    assert_eq!(&blob.bytes[..], b"short");
    assert_eq!(
        (blob.meta.size, blob.meta.content_type),
        (5, ContentType::default())
    );
}

/// The type that no browser runs.
pub async fn type_defaults_to_octets(subject: impl BlobStore) {
    put(&subject, "a.html", b"<script>").await;
    let meta = subject.head(&key("a.html")).await.expect("head").expect("stored");
    assert_eq!(meta.content_type.as_str(), "application/octet-stream");
}

/// No bytes are still a blob.
pub async fn empty_blob_is_a_blob(subject: impl BlobStore) {
    put(&subject, "a", b"").await;
    assert_eq!(read(&subject, &key("a")).await, Some(Bytes::new()));
    assert_eq!(
        subject.head(&key("a")).await.expect("head").map(|m| m.size),
        Some(0)
    );
}

/// The first one stays, with its type.
pub async fn if_absent_stores_once(subject: impl BlobStore) {
    let options = |t: &str| PutOptions {
        content_type: ContentType::parse(t).expect("a type"),
        if_absent: true,
    };
    subject
        .put(&key("a"), Bytes::from_static(b"first"), &options("text/plain"))
        .await
        .expect("put");
    let second = subject
        .put(&key("a"), Bytes::from_static(b"second"), &options("text/html"))
        .await;
    assert_eq!(kind(second), PortErrorKind::Conflict);
    let blob = subject
        .get(&key("a"), &GetOptions::default())
        .await
        .expect("get")
        .expect("stored");
    assert_eq!(&blob.bytes[..], b"first");
    assert_eq!(blob.meta.content_type.as_str(), "text/plain");
}

/// One of many at the same time.
pub async fn if_absent_has_one_winner(subject: impl BlobStore + 'static) {
    let subject = Arc::new(subject);
    let mut writers = Vec::new();
    for n in 0..16_u8 {
        let subject = Arc::clone(&subject);
        writers.push(tokio::spawn(async move {
            let options = PutOptions {
                if_absent: true,
                ..PutOptions::default()
            };
            match subject.put(&key("a"), Bytes::from(vec![n; 1000]), &options).await {
                Ok(()) => Some(n),
                Err(e) => {
                    assert_eq!(e.kind, PortErrorKind::Conflict);
                    None
                }
            }
        }));
    }
    let mut winners = Vec::new();
    for writer in writers {
        winners.extend(writer.await.expect("join"));
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(
        read(&*subject, &key("a")).await.as_deref(),
        Some(&vec![winners[0]; 1000][..])
    );
}

/// Half-open, and cut at the end.
pub async fn range_is_read(subject: impl BlobStore) {
    put(&subject, "a", b"0123456789").await;
    for (range, expected) in [
        (0..1, "0"),
        (3..7, "3456"),
        (9..10, "9"),
        (8..100, "89"),
        (0..u64::MAX, "0123456789"),
    ] {
        let options = GetOptions {
            range: Some(range.clone()),
            max_bytes: 100,
        };
        let blob = subject
            .get(&key("a"), &options)
            .await
            .expect("get")
            .expect("stored");
        assert_eq!(&blob.bytes[..], expected.as_bytes(), "{range:?}");
        assert_eq!(blob.meta.size, 10, "the size is that of the whole blob");
    }
}

/// As a mistake, not as no bytes.
#[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
pub async fn range_behind_the_end_is_refused(subject: impl BlobStore) {
    put(&subject, "a", b"0123456789").await;
    for range in [10..11, 50..60, 3..3, 7..3] {
        let options = GetOptions {
            range: Some(range.clone()),
            max_bytes: 100,
        };
        assert_eq!(
            kind(subject.get(&key("a"), &options).await),
            PortErrorKind::Invalid,
            "{range:?}"
        );
    }
}

/// The cap counts the bytes that are asked for.
pub async fn cap_is_kept(subject: impl BlobStore) {
    put(&subject, "a", b"0123456789").await;
    let capped = |range, max_bytes| GetOptions { range, max_bytes };
    assert_eq!(
        kind(subject.get(&key("a"), &capped(None, 9)).await),
        PortErrorKind::Refused
    );
    assert_eq!(
        kind(subject.get(&key("a"), &capped(Some(0..4), 3)).await),
        PortErrorKind::Refused
    );
    assert!(
        subject
            .get(&key("a"), &capped(None, 10))
            .await
            .expect("get")
            .is_some()
    );
    assert!(
        subject
            .get(&key("a"), &capped(Some(7..100), 3))
            .await
            .expect("get")
            .is_some()
    );
}

/// The same as `get` tells.
pub async fn head_tells_size_and_type(subject: impl BlobStore) {
    let options = PutOptions {
        content_type: ContentType::parse("text/csv").expect("a type"),
        if_absent: false,
    };
    subject
        .put(&key("a/b"), Bytes::from_static(b"1,2"), &options)
        .await
        .expect("put");
    let meta = subject.head(&key("a/b")).await.expect("head").expect("stored");
    let blob = subject
        .get(&key("a/b"), &GetOptions::default())
        .await
        .expect("get")
        .expect("stored");
    assert_eq!(meta, blob.meta);
    assert_eq!((meta.size, meta.content_type.as_str()), (3, "text/csv"));
}

/// From every way of reading, and the key may be used again.
pub async fn deleted_is_gone(subject: impl BlobStore) {
    let html = PutOptions {
        content_type: ContentType::parse("text/html").expect("a type"),
        if_absent: false,
    };
    subject
        .put(&key("a/b"), Bytes::from_static(b"1"), &html)
        .await
        .expect("put");
    put(&subject, "a/c", b"2").await;
    subject.delete(&key("a/b")).await.expect("delete");
    assert_eq!(read(&subject, &key("a/b")).await, None);
    assert_eq!(subject.head(&key("a/b")).await.expect("head"), None);
    assert_eq!(names(&subject, &BlobPrefix::all()).await, ["a/c"]);
    let absent = PutOptions {
        if_absent: true,
        ..PutOptions::default()
    };
    subject
        .put(&key("a/b"), Bytes::from_static(b"3"), &absent)
        .await
        .expect("put");
    let meta = subject.head(&key("a/b")).await.expect("head").expect("stored");
    assert_eq!(
        meta.content_type,
        ContentType::default(),
        "the type of the deleted blob is gone too"
    );
}

/// Deleting is idempotent.
pub async fn deleting_nothing_is_fine(subject: impl BlobStore) {
    subject.delete(&key("a/b")).await.expect("delete");
    put(&subject, "a/b", b"1").await;
    subject.delete(&key("a")).await.expect("delete");
    assert!(read(&subject, &key("a/b")).await.is_some());
}

/// A bucket has no folders, so a folder must not either.
pub async fn key_and_keys_below_are_independent(subject: impl BlobStore) {
    put(&subject, "a/b", b"below").await;
    put(&subject, "a", b"above").await;
    put(&subject, "a/b/c", b"deep").await;
    assert_eq!(read(&subject, &key("a")).await.as_deref(), Some(&b"above"[..]));
    assert_eq!(read(&subject, &key("a/b")).await.as_deref(), Some(&b"below"[..]));
    assert_eq!(read(&subject, &key("a/b/c")).await.as_deref(), Some(&b"deep"[..]));
    subject.delete(&key("a")).await.expect("delete");
    assert_eq!(names(&subject, &BlobPrefix::all()).await, ["a/b", "a/b/c"]);
}

/// By bytes of the key, not by folder.
pub async fn listing_is_ordered_and_complete(subject: impl BlobStore) {
    for name in ["b", "a/c", "a.b", "a", "a-b", "a/b/d", "B", "a/b"] {
        put(&subject, name, b"xy").await;
    }
    let page = subject
        .list(&BlobPrefix::all(), &ListOptions::default())
        .await
        .expect("list");
    let listed: Vec<&str> = page.items.iter().map(|item| item.key.as_str()).collect();
    assert_eq!(listed, ["B", "a", "a-b", "a.b", "a/b", "a/b/d", "a/c", "b"]);
    assert!(page.items.iter().all(|item| item.size == 2));
}

/// Each key once, whatever the size of the pages.
pub async fn listing_goes_page_by_page(subject: impl BlobStore) {
    let all: Vec<String> = (0..25).map(|n| format!("p{}/k{n:02}", n % 3)).collect();
    for name in &all {
        put(&subject, name, b"1").await;
    }
    let mut expected = all.clone();
    expected.sort();
    for limit in [1, 7, 25, 26] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let options = ListOptions {
                after: after.take(),
                limit,
            };
            let page = subject.list(&BlobPrefix::all(), &options).await.expect("list");
            assert!(page.items.len() <= limit);
            after = page.items.last().map(|item| item.key.clone());
            seen.extend(page.items.into_iter().map(|item| item.key.to_string()));
            if !page.more {
                break;
            }
            assert!(after.is_some(), "an empty page says that there is more");
        }
        assert_eq!(seen, expected, "limit {limit}");
    }
}

/// `a/` does not hold `ab`.
pub async fn listing_stays_below_its_prefix(subject: impl BlobStore) {
    for name in ["a", "a/1", "a/b/2", "ab/3", "b"] {
        put(&subject, name, b"1").await;
    }
    assert_eq!(
        names(&subject, &BlobPrefix::below(&key("a"))).await,
        ["a/1", "a/b/2"]
    );
    assert_eq!(names(&subject, &BlobPrefix::below(&key("a/b"))).await, ["a/b/2"]);
}

/// No key is no error.
pub async fn empty_listing(subject: impl BlobStore) {
    assert!(names(&subject, &BlobPrefix::all()).await.is_empty());
    assert!(
        names(&subject, &BlobPrefix::below(&key("nothing/here")))
            .await
            .is_empty()
    );
}

/// Names that a file system, a URL or a bucket could take for one another.
pub async fn awkward_names_are_kept_apart(subject: impl BlobStore) {
    let all = [
        "a b", "a%20b", "a+b", "a%2Fb", "..", ".", "...", "~", "#1", "a#1", "a\\b", "*", "?", "ä",
        "a\u{308}", "C:", " ", "a.", "con", "x.type",
    ];
    for name in all {
        let key = BlobKey::from_names(["dir", name]).expect("a key");
        subject
            .put(&key, Bytes::from(name.to_owned()), &PutOptions::default())
            .await
            .expect(name);
    }
    for name in all {
        let key = BlobKey::from_names(["dir", name]).expect("a key");
        assert_eq!(read(&subject, &key).await, Some(Bytes::from(name)), "{name}");
    }
    assert_eq!(names(&subject, &BlobPrefix::all()).await.len(), all.len());
}

/// While one blob replaces another, a reader gets one of them.
pub async fn readers_never_see_half_a_blob(subject: impl BlobStore + 'static) {
    let subject = Arc::new(subject);
    put(&*subject, "a", b"").await;
    let writer = tokio::spawn({
        let subject = Arc::clone(&subject);
        async move {
            for n in 1..=40_u8 {
                tokio::task::yield_now().await;
                let bytes = Bytes::from(vec![n; 10_000 + usize::from(n)]);
                subject
                    .put(&key("a"), bytes, &PutOptions::default())
                    .await
                    .expect("put");
            }
        }
    });
    while !writer.is_finished() {
        // An adapter may answer without ever waiting; the writer needs its turn then.
        tokio::task::yield_now().await;
        let blob = subject
            .get(&key("a"), &GetOptions::default())
            .await
            .expect("get")
            .expect("always there");
        if let Some(first) = blob.bytes.first() {
            assert!(blob.bytes.iter().all(|b| b == first));
            assert_eq!(blob.bytes.len(), 10_000 + usize::from(*first));
        }
        assert_eq!(blob.meta.size, u64::try_from(blob.bytes.len()).expect("small"));
    }
    writer.await.expect("join");
}

/// One key in two tenants and outside of them: three blobs, three listings.
pub async fn tenants_do_not_meet(subject: impl BlobStore + 'static) {
    let shared: Arc<dyn BlobStore> = Arc::new(subject);
    let scope = |n| TenantBlobs::new(Arc::clone(&shared), TenantId::from_uuid(Uuid::from_u128(n)));
    let (one, two) = (scope(1), scope(2));
    put(&one, "same", b"1").await;
    put(&one, "d/other", b"1").await;
    assert_eq!(read(&two, &key("same")).await, None);
    assert_eq!(read(&*shared, &key("same")).await, None);
    put(&two, "same", b"2").await;
    assert_eq!(read(&one, &key("same")).await.as_deref(), Some(&b"1"[..]));
    assert_eq!(names(&one, &BlobPrefix::all()).await, ["d/other", "same"]);
    assert_eq!(names(&two, &BlobPrefix::all()).await, ["same"]);
    let after = ListOptions {
        after: Some(key("d/other")),
        limit: 10,
    };
    assert_eq!(
        one.list(&BlobPrefix::all(), &after)
            .await
            .expect("list")
            .items
            .len(),
        1
    );
    let meta = one.head(&key("same")).await.expect("head").expect("stored");
    assert_eq!(meta.key, key("same"), "a tenant sees its own names");
    two.delete(&key("same")).await.expect("delete");
    assert!(read(&one, &key("same")).await.is_some());
}
