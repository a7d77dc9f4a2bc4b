//! The pepper: a key outside of the database without which a stolen table of hashes cannot be tried.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::hmac;
use thiserror::Error;
use wisdom_core::secret::SecretText;

/// Longest id of a key.
const MAX_ID: usize = 32;
/// Least bytes of a key.
const MIN_KEY: usize = 32;
/// What a hash begins with whose password went through a pepper.
const MARK: &str = "pepper:";

/// A pepper that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PepperError {
    /// The id is not one.
    #[error("a pepper's id must be 1 to 32 of the characters a-z, 0-9, '_', '-'")]
    Id,
    /// The key is short.
    #[error("the pepper {0} must have at least 32 bytes")]
    Key(String),
    /// Two keys have one id.
    #[error("there are two peppers called {0}")]
    Twice(String),
}

/// Keys by id: one that new hashes use, and older ones that are still verified with.
///
/// A password goes through HMAC-SHA256 under the key before it is hashed (OWASP password storage cheat sheet,
/// "peppering"). The key's id is stored with the hash, so that keys rotate: a hash under an older key, or under none, is
/// made again at the next sign-in. A key that is taken away locks out whoever has not signed in since.
#[derive(Clone, Default)]
pub struct Peppers {
    current: Option<String>,
    keys: BTreeMap<String, hmac::Key>,
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peppers")
            .field("current", &self.current)
            .field("ids", &self.keys.keys())
            .finish_non_exhaustive()
    }
}

impl Peppers {
    /// Keys by id; the first is the one that new hashes use. None: no pepper.
    ///
    /// # Errors
    /// [`PepperError`].
    pub fn new(keys: impl IntoIterator<Item = (String, SecretText)>) -> Result<Self, PepperError> {
        let mut peppers = Self::default();
        for (id, key) in keys {
            let named = (1..=MAX_ID).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
            if !named {
                return Err(PepperError::Id);
            }
            if key.expose().len() < MIN_KEY {
                return Err(PepperError::Key(id));
            }
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
            if peppers.keys.insert(id.clone(), key).is_some() {
                return Err(PepperError::Twice(id));
            }
            peppers.current.get_or_insert(id);
        }
        Ok(peppers)
    }

    /// The id that new hashes are stored with.
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// The password under a key. `None` when there is no such key.
    pub(super) fn season(&self, id: &str, password: &[u8]) -> Option<hmac::Tag> {
        self.keys.get(id).map(|key| hmac::sign(key, password))
    }
}

/// The hash with the id of its pepper before it.
pub(super) fn mark(id: &str, phc: &str) -> String {
    format!("{MARK}{id}:{phc}")
}

/// A stored hash as the id of its pepper, if it has one, and the rest.
pub(super) fn split(stored: &str) -> (Option<&str>, &str) {
    stored
        .strip_prefix(MARK)
        .and_then(|rest| rest.split_once(':'))
        .map_or((None, stored), |(id, phc)| (Some(id), phc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, text: &str) -> (String, SecretText) {
        (id.to_owned(), SecretText::from(text.to_owned()))
    }

    #[test]
    fn ids_and_keys_are_checked() {
        let long = "k".repeat(32);
        assert_eq!(Peppers::new([]).unwrap().current(), None);
        let two = Peppers::new([key("k2", &long), key("k1", &long)]).unwrap();
        assert_eq!(two.current(), Some("k2"));
        assert!(two.season("k1", b"x").is_some() && two.season("k3", b"x").is_none());
        for bad in ["", "K", "a:b", "a$b", &"a".repeat(33)] {
            assert_eq!(Peppers::new([key(bad, &long)]).unwrap_err(), PepperError::Id);
        }
        assert!(matches!(
            Peppers::new([key("k", "short")]),
            Err(PepperError::Key(_))
        ));
        assert!(matches!(
            Peppers::new([key("k", &long), key("k", &long)]),
            Err(PepperError::Twice(_))
        ));
        assert!(!format!("{two:?}").contains(&long));
    }

    #[test]
    fn marked_hashes_split_where_they_were_marked() {
        assert_eq!(
            split(&mark("k1", "$argon2id$v=19$x")),
            (Some("k1"), "$argon2id$v=19$x")
        );
        assert_eq!(split("$argon2id$v=19$x"), (None, "$argon2id$v=19$x"));
        assert_eq!(split("pepper:k1"), (None, "pepper:k1"));
    }
}
