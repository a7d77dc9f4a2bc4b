//! Values that statements are given.

use std::fmt;

use uuid::Uuid;
use wisdom_core::id::{Id, Kind};
use wisdom_core::time::Timestamp;

/// The type of a value that is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `uuid`; a blob of 16 bytes in SQLite.
    Uuid,
    /// `text`.
    Text,
    /// `bigint`; `INTEGER` in SQLite.
    Int,
    /// `boolean`; 0 or 1 in SQLite.
    Bool,
    /// `timestamptz`; microseconds since 1970 in SQLite.
    Time,
    /// `bytea`; `BLOB` in SQLite.
    Bytes,
    /// `jsonb`; `TEXT` in SQLite.
    Json,
}

/// A value bound to a place (`$1`, `$2`, …) of a statement.
///
/// Made by `From` from ids, texts, numbers, truth values, times, bytes, JSON and `Option`s of these. `Debug` shows the
/// type only, because what is bound may be secret.
#[derive(Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// An id.
    Uuid(Uuid),
    /// A text. PostgreSQL takes none with a NUL character.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A point in time.
    Time(Timestamp),
    /// Bytes.
    Bytes(&'a [u8]),
    /// JSON.
    Json(&'a serde_json::Value),
    /// Nothing, of a type.
    Null(Type),
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(kind) => write!(f, "Null({kind:?})"),
            other => write!(f, "{:?}(***)", other.kind()),
        }
    }
}

impl Value<'_> {
    /// The type.
    #[must_use]
    pub const fn kind(&self) -> Type {
        match self {
            Self::Uuid(_) => Type::Uuid,
            Self::Text(_) => Type::Text,
            Self::Int(_) => Type::Int,
            Self::Bool(_) => Type::Bool,
            Self::Time(_) => Type::Time,
            Self::Bytes(_) => Type::Bytes,
            Self::Json(_) => Type::Json,
            Self::Null(kind) => *kind,
        }
    }
}

macro_rules! values {
    ($($type:ty => $kind:ident, $value:ident => $make:expr;)*) => {$(
        impl<'a> From<$type> for Value<'a> {
            fn from($value: $type) -> Self {
                Self::$kind($make)
            }
        }

        impl<'a> From<Option<$type>> for Value<'a> {
            fn from(value: Option<$type>) -> Self {
                value.map_or(Self::Null(Type::$kind), Self::from)
            }
        }
    )*};
}

values! {
    Uuid => Uuid, value => value;
    &'a str => Text, value => value;
    &'a String => Text, value => value.as_str();
    i64 => Int, value => value;
    i32 => Int, value => i64::from(value);
    u32 => Int, value => i64::from(value);
    u16 => Int, value => i64::from(value);
    bool => Bool, value => value;
    Timestamp => Time, value => value;
    &'a [u8] => Bytes, value => value;
    &'a Vec<u8> => Bytes, value => value.as_slice();
    &'a [u8; 32] => Bytes, value => value.as_slice();
    &'a serde_json::Value => Json, value => value;
}

impl<K: Kind> From<Id<K>> for Value<'_> {
    fn from(id: Id<K>) -> Self {
        Self::Uuid(id.as_uuid())
    }
}

impl<K: Kind> From<Option<Id<K>>> for Value<'_> {
    fn from(id: Option<Id<K>>) -> Self {
        id.map_or(Self::Null(Type::Uuid), Self::from)
    }
}

#[cfg(feature = "sqlite")]
pub(super) fn sqlite_arguments(
    values: &[Value<'_>],
) -> Result<sqlx::sqlite::SqliteArguments, sqlx::error::BoxDynError> {
    use sqlx::Arguments as _;

    let mut arguments = sqlx::sqlite::SqliteArguments::default();
    for value in values {
        match *value {
            Value::Uuid(uuid) => arguments.add(uuid),
            Value::Text(text) => arguments.add(text.to_owned()),
            Value::Int(number) => arguments.add(number),
            Value::Bool(truth) => arguments.add(i64::from(truth)),
            Value::Time(time) => arguments.add(time.as_micros()),
            Value::Bytes(bytes) => arguments.add(bytes.to_vec()),
            Value::Json(json) => arguments.add(json.to_string()),
            // SQLite's NULL has no type.
            Value::Null(_) => arguments.add(None::<i64>),
        }?;
    }
    Ok(arguments)
}

#[cfg(feature = "postgres")]
pub(super) fn postgres_arguments(
    values: &[Value<'_>],
) -> Result<sqlx::postgres::PgArguments, sqlx::error::BoxDynError> {
    use sqlx::Arguments as _;
    use sqlx::types::Json;

    let mut arguments = sqlx::postgres::PgArguments::default();
    for value in values {
        match *value {
            Value::Uuid(uuid) => arguments.add(uuid),
            Value::Text(text) => arguments.add(text),
            Value::Int(number) => arguments.add(number),
            Value::Bool(truth) => arguments.add(truth),
            Value::Time(time) => arguments.add(moment(time)?),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Json(json) => arguments.add(Json(json)),
            Value::Null(Type::Uuid) => arguments.add(None::<Uuid>),
            Value::Null(Type::Text) => arguments.add(None::<&str>),
            Value::Null(Type::Int) => arguments.add(None::<i64>),
            Value::Null(Type::Bool) => arguments.add(None::<bool>),
            Value::Null(Type::Time) => arguments.add(None::<time::OffsetDateTime>),
            Value::Null(Type::Bytes) => arguments.add(None::<&[u8]>),
            Value::Null(Type::Json) => arguments.add(None::<Json<&serde_json::Value>>),
        }?;
    }
    Ok(arguments)
}

#[cfg(feature = "postgres")]
fn moment(at: Timestamp) -> Result<time::OffsetDateTime, time::error::ComponentRange> {
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.as_micros()) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_is_not_printed() {
        let shown = format!("{:?}", [Value::from("hunter2"), Value::from(None::<i64>)]);
        assert_eq!(shown, "[Text(***), Null(Int)]");
    }
}
