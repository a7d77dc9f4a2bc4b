//! Lists of passwords that are refused.

use std::fmt::{self, Debug};
use std::io::{self, BufRead};

use aws_lc_rs::digest::{SHA256, digest};
use unicode_normalization::UnicodeNormalization as _;

/// Longest line of a list, in bytes; a longer one is no password anybody could choose.
const MAX_LINE: usize = 4096;

/// A list of passwords that are refused whatever their length.
pub trait Blocklist: Send + Sync + Debug {
    /// Whether the password is on the list. It comes in NFKC and lower case.
    fn contains(&self, password: &str) -> bool;
}

/// A list that was loaded, as sorted hashes of eight bytes each: a million passwords take 8 MB.
///
/// Two texts with one hash would make one refused for the other; for a list of a million that is one in 10^13 passwords.
#[derive(Clone, Default)]
pub struct LoadedBlocklist {
    hashes: Box<[u64]>,
}

impl Debug for LoadedBlocklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedBlocklist")
            .field("len", &self.hashes.len())
            .finish()
    }
}

impl LoadedBlocklist {
    /// Reads a list with one password a line, in UTF-8 (other bytes are replaced). Letter case and Unicode form do not matter.
    ///
    /// # Errors
    /// When reading fails.
    pub fn read(mut lines: impl BufRead) -> io::Result<Self> {
        let mut hashes = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let end = line
                .iter()
                .rposition(|b| !matches!(b, b'\n' | b'\r'))
                .map_or(0, |last| last + 1);
            let password = &line[..end];
            if !(1..=MAX_LINE).contains(&password.len()) {
                continue;
            }
            let normal: String = String::from_utf8_lossy(password).nfkc().collect();
            hashes.push(hash(&normal.to_lowercase()));
        }
        hashes.sort_unstable();
        hashes.dedup();
        Ok(Self {
            hashes: hashes.into_boxed_slice(),
        })
    }

    /// How many passwords there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

impl Blocklist for LoadedBlocklist {
    fn contains(&self, password: &str) -> bool {
        self.hashes.binary_search(&hash(password)).is_ok()
    }
}

fn hash(password: &str) -> u64 {
    let full = digest(&SHA256, password.as_bytes());
    full.as_ref()
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_refused_in_any_case_and_nothing_else() {
        let text = "Tr0ub4dor&3\r\nﬁne Café\n\n  with spaces \nlast line without an end";
        let list = LoadedBlocklist::read(text.as_bytes()).unwrap();
        assert_eq!(list.len(), 4);
        for listed in [
            "tr0ub4dor&3",
            "fine café",
            "  with spaces ",
            "last line without an end",
        ] {
            assert!(list.contains(listed), "{listed}");
        }
        for other in ["", "tr0ub4dor&", "with spaces", "\r"] {
            assert!(!list.contains(other), "{other:?}");
        }
        assert!(LoadedBlocklist::read(&b""[..]).unwrap().is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let mut bytes = vec![b'x'; MAX_LINE + 1];
        bytes.extend(b"\n\xff\xfe\nplain\n");
        let list = LoadedBlocklist::read(&bytes[..]).unwrap();
        assert!(list.contains("plain") && list.len() == 2);
    }
}
