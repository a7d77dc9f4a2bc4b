//! Beginning a transaction so that a dropped future leaves nothing behind.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::{Effect, Frame};

use super::link::Link;
use super::transaction::SqlTx;

/// Opens a transaction in a task of its own: `acquire` borrows a connection, `open` begins on it.
///
/// While waiting for a connection the task ends as soon as nobody wants its answer. From the first byte of the
/// transaction on it runs to its end; an answer that nobody takes is a [`SqlTx`] that is dropped, which undoes.
/// (sqlx up to 0.9.0 gives a connection back inside a transaction when the future of its `begin` is dropped: issues
/// 4385 and 4393 of its repository.)
pub(in crate::storage) async fn uncancelled<C, A, O>(
    runtime: &Handle,
    frame: Arc<Frame>,
    effect: Effect,
    acquire: A,
    open: impl FnOnce(C) -> O + Send + 'static,
) -> Result<SqlTx, StorageError>
where
    C: Send + 'static,
    A: Future<Output = Result<C, StorageError>> + Send + 'static,
    O: Future<Output = Result<Link, StorageError>> + Send + 'static,
{
    let (mut sender, receiver) = oneshot::channel();
    let handle = runtime.clone();
    runtime.spawn(async move {
        let acquired = tokio::select! {
            biased;
            () = sender.closed() => return,
            acquired = acquire => acquired,
        };
        let begun = match acquired {
            Ok(connection) => open(connection).await,
            Err(error) => Err(error),
        };
        let answer = begun.map(|link| SqlTx::opened(link, frame, effect, handle));
        // Not taken, it is dropped here, and undone.
        let _ = sender.send(answer);
    });
    receiver
        .await
        .map_err(|e| StorageError::new(StorageErrorKind::Unavailable, "begin").caused_by(e))?
}
