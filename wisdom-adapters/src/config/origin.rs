//! An origin: scheme, host and port, and nothing behind them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// An `http` or `https` origin (RFC 6454) without a trailing slash, for example `https://api.example.com`.
///
/// Links are built by putting an absolute path behind it, so no request header can ever change where they lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Cow<'static, str>);

impl Origin {
    /// `http://127.0.0.1:8080`, where the server listens by default.
    #[must_use]
    pub const fn local() -> Self {
        Self(Cow::Borrowed("http://127.0.0.1:8080"))
    }

    /// Reads an origin; a trailing slash is dropped.
    ///
    /// # Errors
    /// What it must be, when it is not.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const RULE: &str = "must be an origin such as https://api.example.com, without path, query or user";
        let url = Url::parse(text).map_err(|_| RULE)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous || !url.has_host() {
            return Err(RULE);
        }
        Ok(Self(Cow::Owned(url.origin().ascii_serialization())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Origin {
    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins() {
        assert_eq!(
            Origin::parse("https://Api.Example.com/").unwrap().as_str(),
            "https://api.example.com"
        );
        assert_eq!(Origin::parse(Origin::local().as_str()).unwrap(), Origin::local());
        for bad in [
            "",
            "api.example.com",
            "ftp://a.b",
            "https://a.b/c",
            "https://u@a.b",
            "https://a.b?x",
            "https://a.b#x",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
