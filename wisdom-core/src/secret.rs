//! Secrets: wiped when dropped, never printed, compared in constant time.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text, such as a password, a token or an API key.
///
/// Its memory is overwritten on drop. `Debug` prints `SecretText(***)`; there is no `Display` and no `==`, so it can't
/// slip into a log line or be compared in a time that tells how much of it was right.
///
/// Serialising is how a secret leaves **on purpose**: an answer that shows a new API key once, or a job payload that is
/// sealed before it is stored. Keep it out of everything else that is serialised, events and audit entries above all.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The secret itself. Each call is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same text, in a time that depends only on the lengths.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText(***)")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a text, a self-describing format itself reports the number it found; asked for anything, it hands
        // the number to the visitor, which does not.
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(SecretVisitor)
        } else {
            deserializer.deserialize_string(SecretVisitor)
        }
    }
}

/// Refuses numbers and truth values without repeating them: a secret sent without quotes is still one.
struct SecretVisitor;

impl serde::de::Visitor<'_> for SecretVisitor {
    type Value = SecretText;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretText, E> {
        Ok(SecretText::from(text.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<SecretText, E> {
        Ok(SecretText::from(text))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<SecretText, E> {
        Err(not_a_text())
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretText, E> {
        Err(not_a_text())
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<SecretText, E> {
        Err(not_a_text())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretText, E> {
        Err(not_a_text())
    }
}

fn not_a_text<E: serde::de::Error>() -> E {
    E::custom("must be a text")
}

impl JsonSchema for SecretText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SecretText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "writeOnly": true })
    }
}

/// Secret bytes, such as a key. Like [`SecretText`], and can't be serialised at all.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The secret itself. Each call is a place to review.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same bytes, in a time that depends only on the lengths.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretBytes(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(secret: &str) -> SecretText {
        SecretText::from(secret.to_owned())
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only printed")]
        struct Holder {
            token: SecretText,
            key: SecretBytes,
        }
        let holder = Holder {
            token: text("hunter2"),
            key: SecretBytes::from(b"hunter2".to_vec()),
        };
        assert_eq!(
            format!("{holder:?}"),
            "Holder { token: SecretText(***), key: SecretBytes(***) }"
        );
        assert!(!format!("{holder:#?}").contains("hunter2"));
    }

    #[test]
    fn equality_looks_at_all_of_it() {
        assert!(text("abc").ct_eq(&text("abc")));
        for other in ["", "ab", "abd", "xbc", "abcd"] {
            assert!(!text("abc").ct_eq(&text(other)), "{other}");
        }
        assert!(SecretBytes::from(vec![0, 1]).ct_eq(&SecretBytes::from(vec![0, 1])));
        assert!(!SecretBytes::from(vec![0, 1]).ct_eq(&SecretBytes::from(vec![0, 1, 0])));
    }

    #[test]
    fn it_goes_through_json_on_purpose() {
        let secret: SecretText = serde_json::from_str(r#""a\"b""#).unwrap();
        assert_eq!(secret.expose(), "a\"b");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""a\"b""#);
        assert_eq!(SecretBytes::from(vec![7]).clone().expose(), [7]);
    }

    #[test]
    fn an_error_does_not_repeat_it() {
        for json in ["4711", "-4711", "4711.5", "[4711]", "{\"4711\":4711}"] {
            let error = serde_json::from_str::<SecretText>(json).unwrap_err();
            assert!(!error.to_string().contains("4711"), "{error}");
        }
    }

    #[test]
    fn the_schema_marks_it_as_write_only() {
        let schema = schemars::schema_for!(SecretText);
        assert_eq!(
            schema.get("format").and_then(|format| format.as_str()),
            Some("password")
        );
        assert_eq!(
            schema.get("writeOnly").and_then(serde_json::Value::as_bool),
            Some(true)
        );
    }
}
