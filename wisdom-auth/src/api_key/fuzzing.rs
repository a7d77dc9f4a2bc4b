//! What must hold for any text that is presented as a key, or as another token that storage is asked for.

#![expect(clippy::unwrap_used, reason = "a property that does not hold stops the run")]

use std::sync::LazyLock;

use uuid::Uuid;
use wisdom_core::id::UserId;
use wisdom_core::random::ManualRandom;
use wisdom_core::secret::SecretText;

use super::text::{ID_LENGTH, KeyPrefix, SECRET_LENGTH, mint, parse};
use crate::attempts::device as known_device;
use crate::opaque_token::OpaqueToken;
use crate::second_factor::{device, recovery};
use crate::session::refresh_token::{RefreshKey, RefreshToken};

static PREFIX: LazyLock<KeyPrefix> = LazyLock::new(KeyPrefix::default);

/// The input is the text of a key. Answers whether it has the form of one.
///
/// # Panics
/// When it does not hold.
#[must_use]
pub fn api_key(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    other_tokens(text);
    if let Ok(prefix) = KeyPrefix::parse(text) {
        let new = mint(&prefix, None, &ManualRandom::new(3)).unwrap();
        let presented = parse(&prefix, new.text.expose()).unwrap();
        assert_eq!((presented.public_id, presented.hash), (&*new.public_id, new.hash));
        assert!(prefix.begins(new.text.expose().as_bytes()));
    }
    let Some(presented) = parse(&PREFIX, text) else {
        return false;
    };
    assert!(PREFIX.begins(data));
    assert_eq!(text.len(), "wk_live___".len() + ID_LENGTH + SECRET_LENGTH + 6);
    assert!(text.is_ascii() && text.starts_with(&PREFIX.begin(presented.public_id)));
    // A typing error in any place is found.
    let at = usize::from(presented.hash[0]) % text.len();
    let typed = if data[at] == b'x' { "y" } else { "x" };
    let typed = format!("{}{typed}{}", &text[..at], &text[at + 1..]);
    assert!(parse(&PREFIX, &typed).is_none(), "{at}");
    true
}

/// Tokens of the other kinds: each form has one hash, and none has that of another kind.
fn other_tokens(text: &str) {
    let secret = SecretText::from(text.to_owned());
    let nobody = UserId::from_uuid(Uuid::nil());
    let found = [
        device::TOKEN.hash(&secret),
        crate::session::challenge::TOKEN.hash(&secret),
        OpaqueToken::new("").hash(&secret),
        known_device::hash(&secret),
        recovery::hash(nobody, text),
    ];
    assert!(found.iter().flatten().count() <= 1, "one text of two kinds");
    if let Some(token) = RefreshToken::parse(text) {
        assert!(token.generation() > 0 && found.iter().all(Option::is_none));
        let key = RefreshKey::generate(&ManualRandom::new(5)).unwrap();
        let own = RefreshToken::mint(token.session(), token.generation(), &key);
        let read = RefreshToken::parse(own.expose()).unwrap();
        assert_eq!(
            (read.session(), read.generation()),
            (token.session(), token.generation())
        );
        assert_eq!(own.expose().len(), text.len());
    }
}
