//! Pages by keyset, with cursors that only their own list and tenant can open.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::failure::{Failure, FailureKind};
use crate::seal::{Context, Purpose};
use crate::storage::{StorageError, StorageErrorKind};
use crate::time::Timestamp;
use crate::unit_of_work::Frame;

/// Items on a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 50;
/// Items on a page at most; more is capped to this.
pub const MAX_LIMIT: u32 = 100;

const CURSOR: Purpose = Purpose("page.cursor.v1");
const MAX_CURSOR_TEXT: usize = 512;

/// The paging part of a list operation's input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// `next` of the page before; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Items wanted, 1 to 100; more is capped. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A place in a list: the sort value and the id that breaks ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The sort value.
    pub at: Timestamp,
    /// The item's id.
    pub id: Uuid,
}

/// What a repository is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Items strictly behind this place in the list's order.
    pub after: Option<Position>,
    /// How many, 1 to [`MAX_LIMIT`].
    pub limit: u32,
}

impl PageRequest {
    /// The first `limit` items (capped).
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self {
            after: None,
            limit: limit.clamp(1, MAX_LIMIT),
        }
    }
}

/// What a repository answers: the items, and where the next page begins if there is more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items in the list's order, at most as many as asked for.
    pub items: Vec<T>,
    /// The place of the last item, when more items follow.
    pub next: Option<Position>,
}

impl<T> Slice<T> {
    /// Cuts a list of up to `limit + 1` items to a page. `place` tells an item's position.
    #[must_use]
    pub fn cut(mut items: Vec<T>, limit: u32, place: impl Fn(&T) -> Position) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(place) } else { None };
        Self { items, next }
    }

    /// The same slice of other items.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Slice<U> {
        Slice {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }
}

/// A page as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The cursor is not one of this list and tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PageError {
    /// Edited, cut, or of another list, filter, tenant or key.
    #[error("the cursor is not one of this list")]
    Cursor,
    /// A limit of zero.
    #[error("the limit must be 1 to 100")]
    Limit,
}

impl From<PageError> for Failure {
    fn from(error: PageError) -> Self {
        let (field, code, message) = match error {
            PageError::Cursor => (
                "cursor",
                "cursor.invalid",
                "The cursor is not one of this list: start from the first page.",
            ),
            PageError::Limit => ("limit", "input.invalid", "must be 1 to 100"),
        };
        let mut failure = Self::field(field, "valid", message).caused_by(error);
        failure.kind = FailureKind::InvalidArgument;
        failure.code = code;
        failure
    }
}

fn context(frame: &Frame, list: &str, filter: &[u8]) -> Context {
    let tenant = frame.tenant().map_or(Uuid::nil(), |t| t.as_uuid());
    Context::new().part(list).part(tenant.as_bytes()).part(filter)
}

impl PageQuery {
    /// Opens the cursor for the list (the operation's name) and its filter.
    ///
    /// # Errors
    /// [`PageError`] when cursor or limit break a rule.
    pub fn open(&self, frame: &Frame, list: &str, filter: &[u8]) -> Result<PageRequest, PageError> {
        let limit = match self.limit {
            Some(0) => return Err(PageError::Limit),
            Some(limit) => limit.min(MAX_LIMIT),
            None => DEFAULT_LIMIT,
        };
        let after = match &self.cursor {
            None => None,
            Some(text) if text.len() > MAX_CURSOR_TEXT => return Err(PageError::Cursor),
            Some(text) => {
                let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| PageError::Cursor)?;
                let plain = frame
                    .kit()
                    .sealer
                    .open(CURSOR, context(frame, list, filter).as_bytes(), &sealed)
                    .map_err(|_| PageError::Cursor)?;
                Some(position(&plain).ok_or(PageError::Cursor)?)
            }
        };
        Ok(PageRequest { after, limit })
    }
}

fn position(plain: &[u8]) -> Option<Position> {
    let (micros, id) = plain.split_at_checked(8)?;
    let at = Timestamp::from_micros(i64::from_be_bytes(micros.try_into().ok()?))?;
    Some(Position {
        at,
        id: Uuid::from_slice(id).ok()?,
    })
}

impl<T> Page<T> {
    /// Seals a slice's next place into a cursor of the list and its filter.
    ///
    /// # Errors
    /// [`StorageErrorKind::Internal`] when sealing fails.
    pub fn seal(slice: Slice<T>, frame: &Frame, list: &str, filter: &[u8]) -> Result<Self, StorageError> {
        let next = match slice.next {
            None => None,
            Some(place) => {
                let mut plain = place.at.as_micros().to_be_bytes().to_vec();
                plain.extend_from_slice(place.id.as_bytes());
                let sealed = frame
                    .kit()
                    .sealer
                    .seal(CURSOR, context(frame, list, filter).as_bytes(), &plain)
                    .map_err(|e| StorageError::new(StorageErrorKind::Internal, "page.seal").caused_by(e))?;
                Some(URL_SAFE_NO_PAD.encode(sealed))
            }
        };
        Ok(Self {
            items: slice.items,
            next,
        })
    }
}
