//! Blobs as files of a folder.

use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{
    Error as StoreError, GetResultPayload, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMode,
};
use tokio::sync::RwLock;
use url::Url;
use wisdom_core::port::blob::{
    Blob, BlobKey, BlobMeta, BlobPage, BlobPrefix, BlobStore, ContentType, GetOptions, ListOptions, MAX_PAGE,
    PutOptions, check_put, check_range,
};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::time::Timestamp;

use super::folder;

const PORT: &str = "blob";
const LOCKS: usize = 64;

/// Blobs below one folder of this machine: `blobs/` holds the bytes, `types/` beside it the content types.
///
/// A put is on disk when it returns, replaces the old file in one step, and never leaves half a file under a key. The
/// type of a blob is written after its bytes and removed before they change, so a crash between them leaves
/// `application/octet-stream`, never the type of other bytes. Within one process a reader sees bytes and type
/// together; give each process a folder of its own, or a bucket to all. Symbolic links are refused and not listed.
/// The file system has to tell names apart that differ in case only.
#[derive(Debug)]
pub struct LocalBlobs {
    root: PathBuf,
    bytes: LocalFileSystem,
    types: LocalFileSystem,
    locks: Box<[RwLock<()>]>,
    hasher: RandomState,
}

impl LocalBlobs {
    /// A store in `root`, which is made, readable to its owner only, if it is not there.
    ///
    /// # Errors
    /// `Internal` when the folder can't be made or used.
    pub fn open(root: &Path) -> Result<Self, PortError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let part = |name: &str| {
            let path = root.join(name);
            builder.create(&path).map_err(|e| broken("open", e))?;
            LocalFileSystem::new_with_prefix(path)
                .map(|fs| fs.with_fsync(true))
                .map_err(|e| mapped("open", e))
        };
        let (bytes, types) = (part("blobs")?, part("types")?);
        let root = fs::canonicalize(root).map_err(|e| broken("open", e))?;
        folder::refuse_links(&root, "blobs").map_err(|e| link_error("open", e))?;
        folder::refuse_links(&root, "types").map_err(|e| link_error("open", e))?;
        let locks = (0..LOCKS).map(|_| RwLock::new(())).collect();
        Ok(Self {
            root,
            bytes,
            types,
            locks,
            hasher: RandomState::new(),
        })
    }

    /// Opens `file:///absolute/folder` or `blobs:./relative/folder` (written as it is, without escapes).
    ///
    /// # Errors
    /// `Invalid` for another scheme or options, else as [`LocalBlobs::open`].
    pub fn from_url(url: &Url) -> Result<Self, PortError> {
        let invalid =
            |why: &'static str| PortError::new(PORT, "open", PortErrorKind::Invalid).with_source(why);
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("a blob folder has no options"));
        }
        match url.scheme() {
            "file" => Self::open(
                &url.to_file_path()
                    .map_err(|()| invalid("the URL names no folder of this machine"))?,
            ),
            "blobs" if !url.path().is_empty() => Self::open(Path::new(url.path())),
            _ => Err(invalid("the URL must be file:///folder or blobs:folder")),
        }
    }

    fn lock(&self, key: &BlobKey) -> Result<&RwLock<()>, PortError> {
        let hash = self.hasher.hash_one(key);
        let place = usize::try_from(hash % LOCKS as u64).unwrap_or_default();
        self.locks
            .get(place)
            .ok_or_else(|| PortError::new(PORT, "lock", PortErrorKind::Internal))
    }

    /// Where the key is in both folders, once it is sure that no link leads elsewhere.
    async fn locate(&self, operation: &'static str, key: &BlobKey) -> Result<StorePath, PortError> {
        let path = folder::path_of(key);
        let parsed = StorePath::parse(&path)
            .map_err(|e| PortError::new(PORT, operation, PortErrorKind::Invalid).with_source(e))?;
        let root = self.root.clone();
        let checked = tokio::task::spawn_blocking(move || {
            folder::refuse_links(&root, &format!("blobs/{path}"))?;
            folder::refuse_links(&root, &format!("types/{path}"))
        });
        checked
            .await
            .map_err(|e| broken(operation, e))?
            .map_err(|e| link_error(operation, e))?;
        Ok(parsed)
    }

    async fn forget_type(&self, operation: &'static str, path: &StorePath) -> Result<(), PortError> {
        match self.types.delete(path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(e) => Err(mapped(operation, e)),
        }
    }

    async fn content_type(
        &self,
        operation: &'static str,
        path: &StorePath,
    ) -> Result<ContentType, PortError> {
        let text = match self.types.get(path).await {
            Ok(found) => found.bytes().await.map_err(|e| mapped(operation, e))?,
            Err(StoreError::NotFound { .. }) => return Ok(ContentType::default()),
            Err(e) => return Err(mapped(operation, e)),
        };
        Ok(std::str::from_utf8(&text)
            .ok()
            .and_then(|t| ContentType::parse(t).ok())
            .unwrap_or_default())
    }

    async fn meta(
        &self,
        operation: &'static str,
        key: &BlobKey,
        path: &StorePath,
        found: &ObjectMeta,
    ) -> Result<BlobMeta, PortError> {
        Ok(BlobMeta {
            key: key.clone(),
            size: found.size,
            content_type: self.content_type(operation, path).await?,
            modified_at: Timestamp::from_micros_saturating(found.last_modified.timestamp_micros()),
        })
    }
}

#[async_trait]
impl BlobStore for LocalBlobs {
    async fn put(&self, key: &BlobKey, bytes: Bytes, options: &PutOptions) -> Result<(), PortError> {
        check_put(&bytes)?;
        let path = self.locate("put", key).await?;
        let _alone = self.lock(key)?.write().await;
        let mode = if options.if_absent {
            PutMode::Create
        } else {
            PutMode::Overwrite
        };
        if options.if_absent && self.bytes.head(&path).await.is_ok() {
            return Err(PortError::new(PORT, "put", PortErrorKind::Conflict));
        }
        self.forget_type("put", &path).await?;
        self.bytes
            .put_opts(&path, bytes.into(), mode.into())
            .await
            .map_err(|e| mapped("put", e))?;
        if options.content_type != ContentType::default() {
            let text = Bytes::from(options.content_type.as_str().to_owned());
            self.types
                .put(&path, text.into())
                .await
                .map_err(|e| mapped("put", e))?;
        }
        Ok(())
    }

    async fn get(&self, key: &BlobKey, options: &GetOptions) -> Result<Option<Blob>, PortError> {
        let path = self.locate("get", key).await?;
        let _no_writer = self.lock(key)?.read().await;
        let found = match self.bytes.get(&path).await {
            Ok(found) => found,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(mapped("get", e)),
        };
        let range = check_range(options, found.meta.size)?;
        let meta = self.meta("get", key, &path, &found.meta).await?;
        let bytes = match found.payload {
            // The open file stays what it was when its size was read, even if the key gets another one meanwhile.
            GetResultPayload::File(file, _) => tokio::task::spawn_blocking(move || read_range(file, range))
                .await
                .map_err(|e| broken("get", e))?
                .map_err(|e| broken("get", e))?,
            GetResultPayload::Stream(_) => return Err(broken("get", "a file was expected")),
        };
        Ok(Some(Blob { meta, bytes }))
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<BlobMeta>, PortError> {
        let path = self.locate("head", key).await?;
        let _no_writer = self.lock(key)?.read().await;
        match self.bytes.head(&path).await {
            Ok(found) => Ok(Some(self.meta("head", key, &path, &found).await?)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(e) => Err(mapped("head", e)),
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        let path = self.locate("delete", key).await?;
        let _alone = self.lock(key)?.write().await;
        self.forget_type("delete", &path).await?;
        match self.bytes.delete(&path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(e) => Err(mapped("delete", e)),
        }
    }

    async fn list(&self, prefix: &BlobPrefix, options: &ListOptions) -> Result<BlobPage, PortError> {
        let (root, prefix, after) = (self.root.join("blobs"), prefix.clone(), options.after.clone());
        let limit = options.limit.clamp(1, MAX_PAGE);
        tokio::task::spawn_blocking(move || folder::list(&root, &prefix, after.as_ref(), limit))
            .await
            .map_err(|e| broken("list", e))?
            .map_err(|e| broken("list", e))
    }
}

fn read_range(mut file: fs::File, range: Range<u64>) -> io::Result<Bytes> {
    let wanted = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(wanted);
    file.seek(SeekFrom::Start(range.start))?;
    file.take(range.end - range.start).read_to_end(&mut bytes)?;
    if bytes.len() == wanted {
        Ok(bytes.into())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// The one place where errors of the library become errors of the port.
fn mapped(operation: &'static str, error: StoreError) -> PortError {
    let kind = match &error {
        StoreError::NotFound { .. } => PortErrorKind::NotFound,
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => PortErrorKind::Conflict,
        StoreError::InvalidPath { .. } => PortErrorKind::Invalid,
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            PortErrorKind::Unauthorized
        }
        // The disk is full, or its server is away.
        StoreError::Generic { .. } => PortErrorKind::Unavailable,
        _ => PortErrorKind::Internal,
    };
    PortError::new(PORT, operation, kind).with_source(error)
}

fn link_error(operation: &'static str, error: io::Error) -> PortError {
    match error.kind() {
        io::ErrorKind::InvalidInput => {
            PortError::new(PORT, operation, PortErrorKind::Refused).with_source(error)
        }
        _ => broken(operation, error),
    }
}

fn broken(operation: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::new(PORT, operation, PortErrorKind::Internal).with_source(source)
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use tempfile::TempDir;

    use super::*;

    fn make() -> Ready<(LocalBlobs, TempDir)> {
        let folder = tempfile::tempdir().unwrap();
        ready((LocalBlobs::open(&folder.path().join("store")).unwrap(), folder))
    }

    wisdom_core::blob_conformance!(make);

    fn key(text: &str) -> BlobKey {
        BlobKey::parse(text).unwrap()
    }

    #[tokio::test]
    async fn survives_reopening() {
        let (store, folder) = make().await;
        let options = PutOptions {
            content_type: ContentType::parse("image/png").unwrap(),
            if_absent: false,
        };
        store
            .put(&key("a/b"), Bytes::from_static(b"1"), &options)
            .await
            .unwrap();
        let before = store.head(&key("a/b")).await.unwrap();
        drop(store);
        let store = LocalBlobs::open(&folder.path().join("store")).unwrap();
        assert_eq!(store.head(&key("a/b")).await.unwrap(), before);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_are_neither_followed_nor_listed() {
        use std::os::unix::fs::symlink;

        let (store, folder) = make().await;
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "s").unwrap();
        let blobs = store.root.join("blobs");
        symlink(&outside, blobs.join("dir~")).unwrap();
        symlink(outside.join("secret"), blobs.join("file")).unwrap();
        symlink(outside.join("secret"), store.root.join("types/typed")).unwrap();
        symlink(outside.join("nowhere"), blobs.join("broken")).unwrap();
        for name in ["dir/secret", "dir/new", "file", "typed", "broken"] {
            let refused = |e: PortError| assert_eq!(e.kind, PortErrorKind::Refused, "{name}");
            refused(store.get(&key(name), &GetOptions::default()).await.unwrap_err());
            refused(store.head(&key(name)).await.unwrap_err());
            refused(
                store
                    .put(&key(name), Bytes::new(), &PutOptions::default())
                    .await
                    .unwrap_err(),
            );
            refused(store.delete(&key(name)).await.unwrap_err());
        }
        assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "s");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        let page = store
            .list(&BlobPrefix::all(), &ListOptions::default())
            .await
            .unwrap();
        assert!(page.items.is_empty(), "{page:?}");
    }

    #[tokio::test]
    async fn a_lost_or_spoilt_type_is_octets() {
        let (store, _folder) = make().await;
        let options = PutOptions {
            content_type: ContentType::parse("image/png").unwrap(),
            if_absent: false,
        };
        for name in ["lost", "spoilt"] {
            store
                .put(&key(name), Bytes::from_static(b"1"), &options)
                .await
                .unwrap();
        }
        fs::remove_file(store.root.join("types/lost")).unwrap();
        fs::write(store.root.join("types/spoilt"), b"text/html\r\nx: \xff").unwrap();
        for name in ["lost", "spoilt"] {
            let meta = store.head(&key(name)).await.unwrap().unwrap();
            assert_eq!(meta.content_type, ContentType::default(), "{name}");
        }
    }

    #[tokio::test]
    async fn foreign_and_unfinished_files_are_not_listed() {
        let (store, _folder) = make().await;
        store
            .put(&key("a"), Bytes::new(), &PutOptions::default())
            .await
            .unwrap();
        let blobs = store.root.join("blobs");
        fs::write(blobs.join("b#1"), "staged").unwrap();
        fs::write(blobs.join("with space"), "foreign").unwrap();
        fs::create_dir(blobs.join("plain-folder")).unwrap();
        fs::write(blobs.join("plain-folder/c"), "foreign").unwrap();
        let page = store
            .list(&BlobPrefix::all(), &ListOptions::default())
            .await
            .unwrap();
        assert_eq!(page.items.len(), 1, "{page:?}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_new_folder_is_private() {
        use std::os::unix::fs::PermissionsExt as _;

        let (store, _folder) = make().await;
        assert_eq!(
            fs::metadata(&store.root).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn opens_from_a_url() {
        let folder = tempfile::tempdir().unwrap();
        let open = |url: &str| LocalBlobs::from_url(&Url::parse(url).unwrap());
        assert!(open(&format!("file://{}/x", folder.path().display())).is_ok());
        assert!(open(&format!("blobs:{}/y", folder.path().display())).is_ok());
        for bad in ["s3://bucket", "blobs:", "file:///x?a=b", "file://host/x"] {
            assert_eq!(open(bad).unwrap_err().kind, PortErrorKind::Invalid, "{bad}");
        }
    }
}
