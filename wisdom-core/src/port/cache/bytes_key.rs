//! Keys as bytes, built from parts so that different parts never give the same bytes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Longest key that is kept without a heap allocation. A tenant, a kind and an id fit.
const INLINE: usize = 62;

/// Length-prefixed parts behind a scope. Short keys live inside the value, so that making and copying one is free.
#[derive(Clone)]
pub(crate) struct BytesKey(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Shared(Arc<[u8]>),
}

impl BytesKey {
    /// `None` when head and parts (two bytes more for each) take more than `max` bytes.
    pub(crate) fn build(head: &[u8], parts: &[&[u8]], max: usize) -> Option<Self> {
        let mut total = head.len();
        for part in parts {
            u16::try_from(part.len()).ok()?;
            total = total.checked_add(part.len())?.checked_add(2)?;
        }
        if total > max {
            return None;
        }
        let mut inline = [0_u8; INLINE];
        if let (Some(space), Ok(len)) = (inline.get_mut(..total), u8::try_from(total)) {
            write(space, head, parts);
            return Some(Self(Repr::Inline { len, bytes: inline }));
        }
        let mut space = vec![0_u8; total];
        write(&mut space, head, parts);
        Some(Self(Repr::Shared(space.into())))
    }

    pub(crate) fn empty() -> Self {
        Self(Repr::Inline {
            len: 0,
            bytes: [0; INLINE],
        })
    }

    /// This key behind `head`, without a length between them.
    pub(crate) fn behind(&self, head: &[u8], max: usize) -> Option<Self> {
        let joined = [head, self.as_bytes()].concat();
        Self::build(&joined, &[], max)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Repr::Shared(bytes) => bytes,
        }
    }
}

fn write(mut space: &mut [u8], head: &[u8], parts: &[&[u8]]) {
    let mut push = |from: &[u8]| {
        let (here, rest) = std::mem::take(&mut space).split_at_mut(from.len());
        here.copy_from_slice(from);
        space = rest;
    };
    push(head);
    for part in parts {
        // Lengths were checked to fit in `build`.
        push(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        push(part);
    }
}

impl PartialEq for BytesKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for BytesKey {}

impl Hash for BytesKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for BytesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn key(parts: &[Vec<u8>]) -> BytesKey {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        BytesKey::build(&[0], &parts, 4096).unwrap()
    }

    #[test]
    fn moving_a_letter_to_the_next_part_changes_the_key() {
        assert_ne!(
            key(&[b"a".to_vec(), b"bc".to_vec()]),
            key(&[b"ab".to_vec(), b"c".to_vec()])
        );
        assert_ne!(key(&[b"a".to_vec(), vec![]]), key(&[b"a".to_vec()]));
    }

    #[test]
    fn the_bound_counts_every_byte() {
        assert!(BytesKey::build(&[0], &[&[7; 97]], 100).is_some());
        assert!(BytesKey::build(&[0], &[&[7; 98]], 100).is_none());
        assert!(
            BytesKey::build(&[0], &[&vec![7; 70_000]], 100_000).is_none(),
            "no length for it in two bytes"
        );
    }

    proptest! {
        #[test]
        fn equal_only_when_the_parts_are(
            a in vec(vec(0_u8..3, 0..40), 0..4),
            b in vec(vec(0_u8..3, 0..40), 0..4),
        ) {
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }

        #[test]
        fn bytes_survive_inline_and_shared(head in vec(any::<u8>(), 0..200)) {
            let key = BytesKey::build(&head, &[], 512).unwrap();
            prop_assert_eq!(key.as_bytes(), head.as_slice());
        }
    }
}
