//! Pages by keyset over rows in any order.

use wisdom_core::page::{PageRequest, Position, Slice};

/// The order of a list.
#[derive(Clone, Copy)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

/// The page of the rows, whose places `place` tells.
pub(super) fn page<T>(
    rows: impl Iterator<Item = T>,
    order: Order,
    request: &PageRequest,
    place: impl Fn(&T) -> Position,
) -> Slice<T> {
    let behind = |row: &T| match (request.after, order) {
        (None, _) => true,
        (Some(after), Order::OldestFirst) => place(row) > after,
        (Some(after), Order::NewestFirst) => place(row) < after,
    };
    let mut rows: Vec<T> = rows.filter(behind).collect();
    rows.sort_by(|a, b| match order {
        Order::OldestFirst => place(a).cmp(&place(b)),
        Order::NewestFirst => place(b).cmp(&place(a)),
    });
    Slice::cut(rows, request.limit, place)
}
