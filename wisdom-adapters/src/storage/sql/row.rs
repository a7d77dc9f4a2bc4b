//! Rows that statements answer.

use std::fmt;

use uuid::Uuid;
use wisdom_core::id::{Id, Kind};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;

/// A row, read by the place of its columns from 0.
///
/// Every getter fails with [`StorageErrorKind::Corrupt`] when the column is not of the type asked for, or is NULL where
/// the getter is not an `opt_` one.
pub struct Row {
    data: Data,
    statement: &'static str,
}

enum Data {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

impl fmt::Debug for Row {
    /// Shows the statement only: what is in a row may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("statement", &self.statement)
            .finish_non_exhaustive()
    }
}

type Read<T> = Result<T, StorageError>;

/// Reads a column; `$sqlite` and `$postgres` are what the driver is asked for.
macro_rules! column {
    ($self:ident, $at:ident, $sqlite:ty, $postgres:ty) => {
        column!($self, $at, $sqlite => |v| Some(v), $postgres => |v| Some(v))
    };
    ($self:ident, $at:ident, $sqlite:ty => $from_sqlite:expr, $postgres:ty => $from_postgres:expr) => {{
        use sqlx::Row as _;
        match &$self.data {
            #[cfg(feature = "sqlite")]
            Data::Sqlite(row) => match row.try_get::<Option<$sqlite>, _>($at) {
                Ok(None) => Ok(None),
                Ok(Some(value)) => $self.whole($at, ($from_sqlite)(value)).map(Some),
                Err(error) => Err($self.corrupt(error)),
            },
            #[cfg(feature = "postgres")]
            Data::Postgres(row) => match row.try_get::<Option<$postgres>, _>($at) {
                Ok(None) => Ok(None),
                Ok(Some(value)) => $self.whole($at, ($from_postgres)(value)).map(Some),
                Err(error) => Err($self.corrupt(error)),
            },
        }
    }};
}

impl Row {
    #[cfg(feature = "sqlite")]
    pub(super) fn of_sqlite(row: sqlx::sqlite::SqliteRow, statement: &'static str) -> Self {
        Self {
            data: Data::Sqlite(row),
            statement,
        }
    }

    #[cfg(feature = "postgres")]
    pub(super) fn of_postgres(row: sqlx::postgres::PgRow, statement: &'static str) -> Self {
        Self {
            data: Data::Postgres(row),
            statement,
        }
    }

    fn corrupt(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
        StorageError::new(StorageErrorKind::Corrupt, self.statement).caused_by(error)
    }

    fn whole<T>(&self, at: usize, value: Option<T>) -> Read<T> {
        value.ok_or_else(|| self.corrupt(format!("column {at} cannot be read as what it should be")))
    }

    /// A UUID.
    ///
    /// # Errors
    /// See [`Row`]; so for all getters.
    pub fn uuid(&self, at: usize) -> Read<Uuid> {
        let value = self.opt_uuid(at)?;
        self.whole(at, value)
    }

    /// A UUID or NULL.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn opt_uuid(&self, at: usize) -> Read<Option<Uuid>> {
        column!(self, at, Uuid, Uuid)
    }

    /// An id of a kind.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn id<K: Kind>(&self, at: usize) -> Read<Id<K>> {
        self.uuid(at).map(Id::from_uuid)
    }

    /// An id of a kind, or NULL.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn opt_id<K: Kind>(&self, at: usize) -> Read<Option<Id<K>>> {
        Ok(self.opt_uuid(at)?.map(Id::from_uuid))
    }

    /// A text.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn text(&self, at: usize) -> Read<String> {
        let value = self.opt_text(at)?;
        self.whole(at, value)
    }

    /// A text or NULL.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn opt_text(&self, at: usize) -> Read<Option<String>> {
        column!(self, at, String, String)
    }

    /// A text read as something else; `None` of `read` counts as corrupt.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn read<T>(&self, at: usize, read: impl FnOnce(&str) -> Option<T>) -> Read<T> {
        let text = self.text(at)?;
        self.whole(at, read(&text))
    }

    /// A whole number.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn int(&self, at: usize) -> Read<i64> {
        let value = self.opt_int(at)?;
        self.whole(at, value)
    }

    /// A whole number or NULL. In PostgreSQL `bigint`, `integer` or `smallint`.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn opt_int(&self, at: usize) -> Read<Option<i64>> {
        match &self.data {
            #[cfg(feature = "sqlite")]
            Data::Sqlite(_) => {}
            #[cfg(feature = "postgres")]
            Data::Postgres(row) => {
                use sqlx::{Column as _, Row as _, TypeInfo as _};
                let column = row.try_column(at).map_err(|e| self.corrupt(e))?;
                let narrow = match column.type_info().name() {
                    "INT4" => Some(row.try_get::<Option<i32>, _>(at).map(|v| v.map(i64::from))),
                    "INT2" => Some(row.try_get::<Option<i16>, _>(at).map(|v| v.map(i64::from))),
                    _ => None,
                };
                if let Some(value) = narrow {
                    return value.map_err(|e| self.corrupt(e));
                }
            }
        }
        column!(self, at, i64, i64)
    }

    /// A whole number of 32 bits.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn small(&self, at: usize) -> Read<i32> {
        let number = self.int(at)?;
        self.whole(at, i32::try_from(number).ok())
    }

    /// A truth value.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn bool(&self, at: usize) -> Read<bool> {
        let value = column!(self, at, i64 => |v: i64| Some(v != 0), bool => |v: bool| Some(v))?;
        self.whole(at, value)
    }

    /// A point in time.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn time(&self, at: usize) -> Read<Timestamp> {
        let value = self.opt_time(at)?;
        self.whole(at, value)
    }

    /// A point in time, or NULL.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn opt_time(&self, at: usize) -> Read<Option<Timestamp>> {
        column!(self, at, i64 => Timestamp::from_micros, time::OffsetDateTime => timestamp)
    }

    /// Bytes.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn bytes(&self, at: usize) -> Read<Vec<u8>> {
        let value = self.opt_bytes(at)?;
        self.whole(at, value)
    }

    /// Bytes or NULL.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn opt_bytes(&self, at: usize) -> Read<Option<Vec<u8>>> {
        column!(self, at, Vec<u8>, Vec<u8>)
    }

    /// Exactly `N` bytes, such as a hash.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn array<const N: usize>(&self, at: usize) -> Read<[u8; N]> {
        let bytes = self.bytes(at)?;
        self.whole(at, bytes.try_into().ok())
    }

    /// JSON.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn json(&self, at: usize) -> Read<serde_json::Value> {
        let value = column!(
            self, at,
            String => |text: String| serde_json::from_str(&text).ok(),
            serde_json::Value => |json: serde_json::Value| Some(json)
        )?;
        self.whole(at, value)
    }
}

#[cfg(feature = "postgres")]
fn timestamp(moment: time::OffsetDateTime) -> Option<Timestamp> {
    let micros = moment.unix_timestamp_nanos().div_euclid(1000);
    i64::try_from(micros).ok().and_then(Timestamp::from_micros)
}
