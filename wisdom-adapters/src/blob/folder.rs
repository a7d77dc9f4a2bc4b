//! Keys as files of a folder, and the folder as a listing of keys.

use std::collections::BinaryHeap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wisdom_core::port::blob::{BlobKey, BlobPage, BlobPrefix, ListedBlob};

/// Ends the name of each folder. No segment of a key holds it, so `a` (a file) and `a/b` (a file in the folder `a~`)
/// do not get into each other's way, as they do not in a bucket.
const FOLDER_MARK: char = '~';

/// The path of a key below a root, with `/` between its parts.
pub(super) fn path_of(key: &BlobKey) -> String {
    key.as_str().replace('/', "~/")
}

/// # Errors
/// When a part of the path, as far as it exists, is a symbolic link. The store itself never makes one, and following
/// one would read or write outside of the root.
pub(super) fn refuse_links(root: &Path, path: &str) -> io::Result<()> {
    let mut here = root.to_path_buf();
    for part in path.split('/') {
        here.push(part);
        match fs::symlink_metadata(&here) {
            Ok(found) if found.is_symlink() => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a part of the path is a symbolic link",
                ));
            }
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => break,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// The first `limit` keys of the prefix behind `after`. Holds no more than that in memory, whatever the folder holds,
/// and does not enter folders that can't add to the page.
pub(super) fn list(
    root: &Path,
    prefix: &BlobPrefix,
    after: Option<&BlobKey>,
    limit: usize,
) -> io::Result<BlobPage> {
    let after = after.map_or("", BlobKey::as_str);
    let mut page = Page {
        keys: BinaryHeap::new(),
        limit,
    };
    let mut folders: Vec<(PathBuf, String)> = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, start)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        for entry in entries {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(name) = OsStr::to_str(&file_name) else {
                continue;
            };
            // The type of the entry itself: links are neither files nor folders here.
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let Some(segment) = name.strip_suffix(FOLDER_MARK) else {
                    continue;
                };
                let below = format!("{start}{segment}/");
                let wanted = below.starts_with(prefix.as_str()) || prefix.as_str().starts_with(&below);
                let passed = after > below.as_str() && !after.starts_with(&below);
                if wanted && !passed && !page.is_before(&below) {
                    folders.push((entry.path(), below));
                }
            } else if kind.is_file() {
                // What is not a key (a file that is still being written) is passed over.
                let Ok(key) = BlobKey::from_store(&format!("{start}{name}")) else {
                    continue;
                };
                if prefix.holds(&key) && key.as_str() > after && !page.is_before(key.as_str()) {
                    match entry.metadata() {
                        Ok(found) => page.add(key, found.len()),
                        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                        Err(e) => return Err(e),
                    }
                }
            }
        }
    }
    Ok(page.finish())
}

/// The smallest keys seen so far, one more than the page will have.
struct Page {
    keys: BinaryHeap<(BlobKey, u64)>,
    limit: usize,
}

impl Page {
    /// Whether the page is full and all of it is before `text`.
    fn is_before(&self, text: &str) -> bool {
        self.keys.len() > self.limit && self.keys.peek().is_some_and(|(last, _)| last.as_str() < text)
    }

    fn add(&mut self, key: BlobKey, size: u64) {
        self.keys.push((key, size));
        if self.keys.len() > self.limit + 1 {
            self.keys.pop();
        }
    }

    fn finish(self) -> BlobPage {
        let mut items: Vec<ListedBlob> = self
            .keys
            .into_sorted_vec()
            .into_iter()
            .map(|(key, size)| ListedBlob { key, size })
            .collect();
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        BlobPage { items, more }
    }
}
