//! Keys that can't leave their place, whatever they were made of.

use std::fmt;

use thiserror::Error;

use crate::id::TenantId;
use crate::port::{PortError, PortErrorKind};

/// Why a key, prefix or content type was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlobInvalid {
    /// A key has no segment, or an empty one.
    #[error("a key has at least one segment and no empty one")]
    Empty,
    /// A segment of a written key is not in its one form; [`BlobKey::from_names`] makes it.
    #[error(
        "a segment must be of a-z, A-Z, 0-9, '.', '_', '-' and %XX for every other byte, and not '.' or '..'"
    )]
    Segment,
    /// Too long.
    #[error("a key must be at most 440 bytes and a segment at most 200, in escaped form")]
    TooLong,
    /// See [`ContentType`].
    #[error(
        "a content type must be type/subtype with optional parameters, at most 127 printable ASCII characters"
    )]
    ContentType,
}

/// Names a blob: segments joined by `/`.
///
/// A segment is made of `A-Z a-z 0-9 . _ -`; every other byte of a name is written as `%` and two upper-case hex
/// digits, and a segment of only dots has its dots escaped. So each list of names has exactly one key and different
/// lists have different keys, no key holds `..`, a backslash, a control character or an empty segment, and the same
/// text is good as a path of a file system and as a key of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(String);

/// First segment of keys in a tenant's scope. No key of a caller can begin with it.
const SCOPE: &str = "~t/";

impl BlobKey {
    /// Most bytes of a key, with its scopes.
    pub const MAX_BYTES: usize = 512;
    /// Most bytes of a key before it gets a scope.
    pub const MAX_OWN_BYTES: usize = 440;
    /// Most bytes of a segment in escaped form. File systems end at 255.
    pub const MAX_SEGMENT_BYTES: usize = 200;

    /// The key of these names, which may hold anything: a tenant's own words, file names, paths.
    ///
    /// # Errors
    /// When there is no name, an empty one, or all together are too long.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, BlobInvalid> {
        let mut text = String::new();
        for (n, name) in names.into_iter().enumerate() {
            if name.is_empty() {
                return Err(BlobInvalid::Empty);
            }
            if n > 0 {
                text.push('/');
            }
            if name.len() > Self::MAX_SEGMENT_BYTES || text.len() > Self::MAX_OWN_BYTES {
                return Err(BlobInvalid::TooLong);
            }
            escape(name, &mut text);
        }
        Self::parse(&text)
    }

    /// A key in its written form.
    ///
    /// # Errors
    /// When it is not exactly what [`BlobKey::from_names`] would have written.
    pub fn parse(text: &str) -> Result<Self, BlobInvalid> {
        check(text)?;
        if text.len() > Self::MAX_OWN_BYTES {
            Err(BlobInvalid::TooLong)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// A key as a store lists it, which may be in a tenant's scope. For adapters only.
    ///
    /// # Errors
    /// When no key is written like that.
    pub fn from_store(text: &str) -> Result<Self, BlobInvalid> {
        let mut rest = text;
        while let Some(scoped) = rest.strip_prefix(SCOPE) {
            let (tenant, below) = scoped.split_once('/').ok_or(BlobInvalid::Segment)?;
            tenant.parse::<TenantId>().map_err(|_| BlobInvalid::Segment)?;
            rest = below;
        }
        check(rest)?;
        if text.len() > Self::MAX_BYTES {
            Err(BlobInvalid::TooLong)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The same key in the scope of a tenant.
    ///
    /// # Errors
    /// `Invalid` when it is in so many scopes already that it would be too long.
    pub fn scoped(&self, tenant: TenantId) -> Result<Self, PortError> {
        let text = format!("{SCOPE}{tenant}/{}", self.0);
        if text.len() > Self::MAX_BYTES {
            return Err(PortError::new(super::PORT, "scope", PortErrorKind::Invalid)
                .with_source(BlobInvalid::TooLong));
        }
        Ok(Self(text))
    }

    /// The key inside the scope of `tenant`; nothing when it is not in it.
    #[must_use]
    pub fn unscoped(&self, tenant: TenantId) -> Option<Self> {
        let rest = self
            .0
            .strip_prefix(SCOPE)?
            .strip_prefix(&tenant.to_string())?
            .strip_prefix('/')?;
        Some(Self(rest.to_owned()))
    }

    /// The written form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments in written form.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn escape(name: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let only_dots = matches!(name, "." | "..");
    for byte in name.bytes() {
        if plain(byte) && !only_dots {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Accepts exactly what `escape` writes: reads the names back and writes them again.
fn check(text: &str) -> Result<(), BlobInvalid> {
    for segment in text.split('/') {
        if segment.is_empty() {
            return Err(BlobInvalid::Empty);
        }
        if segment.len() > BlobKey::MAX_SEGMENT_BYTES {
            return Err(BlobInvalid::TooLong);
        }
        let name = unescape(segment).ok_or(BlobInvalid::Segment)?;
        let mut again = String::with_capacity(segment.len());
        escape(&name, &mut again);
        if again != segment {
            return Err(BlobInvalid::Segment);
        }
    }
    Ok(())
}

fn unescape(segment: &str) -> Option<String> {
    let mut name = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            name.push(u8::from_str_radix(hex, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            name.push(first);
            rest = tail;
        }
    }
    String::from_utf8(name).ok()
}

/// Where a listing begins: all keys, or those below a key (the key and a `/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobPrefix(String);

impl BlobPrefix {
    /// Every key.
    #[must_use]
    pub fn all() -> Self {
        Self(String::new())
    }

    /// The keys that begin with `key` and a `/`.
    #[must_use]
    pub fn below(key: &BlobKey) -> Self {
        Self(format!("{}/", key.0))
    }

    /// The same prefix in the scope of a tenant.
    #[must_use]
    pub fn scoped(&self, tenant: TenantId) -> Self {
        Self(format!("{SCOPE}{tenant}/{}", self.0))
    }

    /// Empty, or ending in `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the listing holds `key`.
    #[must_use]
    pub fn holds(&self, key: &BlobKey) -> bool {
        key.0.starts_with(&self.0)
    }
}

/// A media type, safe to put into a header field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentType(String);

impl ContentType {
    /// A checked media type.
    ///
    /// # Errors
    /// When it is not `type/subtype` with optional parameters, at most 127 printable ASCII characters.
    pub fn parse(text: &str) -> Result<Self, BlobInvalid> {
        let token = |t: &str| {
            !t.is_empty()
                && t.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
        };
        let essence = text.split(';').next().unwrap_or_default();
        let good = text.len() <= 127
            && text.bytes().all(|b| (b' '..=b'~').contains(&b))
            && essence
                .trim_end()
                .split_once('/')
                .is_some_and(|(kind, sub)| token(kind) && token(sub));
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BlobInvalid::ContentType)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `application/octet-stream`: nothing that a browser would run or show.
impl Default for ContentType {
    fn default() -> Self {
        Self("application/octet-stream".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn names_are_escaped_into_one_form() {
        let key = |names: &[&str]| BlobKey::from_names(names.iter().copied()).unwrap().0;
        assert_eq!(key(&["a", "b.png"]), "a/b.png");
        assert_eq!(key(&["Müller & Co", "100%"]), "M%C3%BCller%20%26%20Co/100%25");
        assert_eq!(key(&["..", ".", "..."]), "%2E%2E/%2E/...");
        assert_eq!(key(&["a/b\\c\0"]), "a%2Fb%5Cc%00");
        assert_eq!(key(&["~t"]), "%7Et");
    }

    #[test]
    fn only_the_one_form_is_read() {
        for bad in [
            "", "/a", "a/", "a//b", ".", "..", "a/../b", "a\\b", "a b", "a\0", "ä", "%", "%2", "%2e%2e",
            "%41", "%2E%2Ea", "%FF", "a%2f", "~t/x", "C:", "a?", "a#1", "+%2", "%+1",
        ] {
            assert!(BlobKey::parse(bad).is_err(), "{bad:?}");
        }
        assert!(BlobKey::parse("a/b%20c/%2E%2E").is_ok());
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(BlobKey::parse(&"x".repeat(200)).is_ok());
        assert_eq!(BlobKey::parse(&"x".repeat(201)), Err(BlobInvalid::TooLong));
        assert_eq!(
            BlobKey::from_names([" ".repeat(67).as_str()]),
            Err(BlobInvalid::TooLong)
        );
        let long = ["x".repeat(150), "y".repeat(150), "z".repeat(139)].join("/");
        assert_eq!(BlobKey::parse(&long), Err(BlobInvalid::TooLong));
        let key = BlobKey::parse(&long[..440]).unwrap();
        let tenant = TenantId::from_uuid(Uuid::from_u128(1));
        let scoped = key.scoped(tenant).unwrap().scoped(tenant).unwrap();
        assert!(scoped.as_str().len() <= BlobKey::MAX_BYTES);
        assert!(scoped.scoped(tenant).is_err());
    }

    #[test]
    fn scopes_come_off_as_they_went_on() {
        let (one, two) = (
            TenantId::from_uuid(Uuid::from_u128(1)),
            TenantId::from_uuid(Uuid::from_u128(2)),
        );
        let key = BlobKey::parse("a/b").unwrap();
        let scoped = key.scoped(one).unwrap();
        assert_eq!(scoped.unscoped(one).as_ref(), Some(&key));
        assert_eq!(scoped.unscoped(two), None);
        assert_eq!(key.unscoped(one), None);
        assert_eq!(BlobKey::from_store(scoped.as_str()).as_ref(), Ok(&scoped));
        for bad in [
            "~t/x/a",
            "~t/../a",
            "~t/",
            "~u/a",
            &format!("~t/{one}"),
            &format!("~t/{one}/"),
        ] {
            assert!(BlobKey::from_store(bad).is_err(), "{bad}");
        }
        assert!(BlobPrefix::all().scoped(one).holds(&scoped));
        assert!(!BlobPrefix::all().scoped(two).holds(&scoped));
    }

    #[test]
    fn content_types_fit_a_header() {
        for good in [
            "text/plain",
            "text/plain; charset=utf-8",
            "application/vnd.api+json",
        ] {
            assert!(ContentType::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "text",
            "text/",
            "/plain",
            "text/plain\r\nx: y",
            "te xt/plain",
            "tëxt/plain",
            &"a/".repeat(64),
        ] {
            assert!(ContentType::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn different_names_different_keys(a in vec("[a.%/~\\\\ ä]{1,6}", 1..4), b in vec("[a.%/~\\\\ ä]{1,6}", 1..4)) {
            let key = |names: &[String]| BlobKey::from_names(names.iter().map(String::as_str)).unwrap();
            prop_assert_eq!(key(&a) == key(&b), a == b);
            prop_assert_eq!(BlobKey::parse(key(&a).as_str()), Ok(key(&a)));
        }

        #[test]
        fn no_text_gives_a_key_that_leaves_its_place(text in ".{0,40}") {
            if let Ok(key) = BlobKey::parse(&text) {
                prop_assert!(key.segments().all(|s| !s.is_empty() && s != "." && s != ".."));
                prop_assert!(!key.as_str().contains('\\'));
            }
        }
    }
}
