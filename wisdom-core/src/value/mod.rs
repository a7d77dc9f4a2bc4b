//! Values that are valid by construction: each is made only by `parse`, also when it comes in as JSON.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Gives a type with `parse` and `as_str` its text conversions, serde through `parse`, and an inline JSON schema.
macro_rules! text_value {
    ($type:ident, expecting: $expecting:literal, schema: $schema:tt) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::value::ValueError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::value::deserialize_text(deserializer, $expecting)
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

mod display_name;
mod email;
mod https_url;
mod slug;

pub use display_name::DisplayName;
pub use email::EmailAddress;
pub use https_url::HttpsUrl;
pub use slug::Slug;

/// Why a text is not a value of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    /// Short name of the broken rule, such as `"length"`: stable, for programs.
    pub rule: &'static str,
    /// What a value must be, such as `"must be 3 to 63 characters"`: fit for clients, never repeats the text.
    pub message: Cow<'static, str>,
}

impl ValueError {
    /// An error with a fixed message.
    #[must_use]
    pub const fn new(rule: &'static str, message: &'static str) -> Self {
        Self {
            rule,
            message: Cow::Borrowed(message),
        }
    }
}

/// Reads a text through [`FromStr`], without a copy where the format allows it.
pub(crate) fn deserialize_text<'de, D, T>(deserializer: D, expecting: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: fmt::Display,
{
    deserializer.deserialize_str(TextVisitor {
        expecting,
        target: PhantomData,
    })
}

struct TextVisitor<T> {
    expecting: &'static str,
    target: PhantomData<fn() -> T>,
}

impl<T: FromStr> Visitor<'_> for TextVisitor<T>
where
    T::Err: fmt::Display,
{
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}
