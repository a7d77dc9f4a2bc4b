//! Certificates of clients, by their thumbprints.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::value::deserialize_text;

/// The SHA-256 of a certificate's DER: `x5t#S256` of RFC 8705, section 3.1. Its text is base64url without padding.
///
/// It names a certificate, and proves nothing by itself: only who shook hands with the certificate's key has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateThumbprint([u8; 32]);

impl CertificateThumbprint {
    /// Length of the text.
    const TEXT: usize = 43;

    /// From the digest.
    #[must_use]
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The text is no thumbprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be a certificate's SHA-256 in base64url: 43 characters")]
pub struct ThumbprintError;

impl FromStr for CertificateThumbprint {
    type Err = ThumbprintError;

    fn from_str(text: &str) -> Result<Self, ThumbprintError> {
        let mut digest = [0; 32];
        let good = text.len() == Self::TEXT
            && URL_SAFE_NO_PAD
                .decode_slice(text, &mut digest)
                .is_ok_and(|length| length == digest.len());
        if good {
            Ok(Self(digest))
        } else {
            Err(ThumbprintError)
        }
    }
}

impl fmt::Display for CertificateThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for CertificateThumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CertificateThumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, "a certificate's SHA-256 in base64url")
    }
}

impl JsonSchema for CertificateThumbprint {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CertificateThumbprint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The SHA-256 of a certificate's DER in base64url without padding (`x5t#S256`).",
            "pattern": "^[A-Za-z0-9_-]{43}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_one_and_no_other() {
        // The example of RFC 8705, section 3.1, but for two bits behind its last byte, which must not be set.
        let text = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0";
        let thumbprint: CertificateThumbprint = text.parse().unwrap();
        assert_eq!(thumbprint.to_string(), text);
        let again = CertificateThumbprint::from_bytes(*thumbprint.as_bytes());
        assert_eq!(again, thumbprint);
        for bad in [
            &*text.replace("dg0", "dg2"),
            &format!("{text}="),
            &text.replace('_', "/"),
            "",
            &"A".repeat(42),
            &"A".repeat(44),
            &"é".repeat(22),
        ] {
            assert_eq!(
                bad.parse::<CertificateThumbprint>(),
                Err(ThumbprintError),
                "{bad}"
            );
        }
    }
}
