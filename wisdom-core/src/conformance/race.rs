//! Many at once, and again on contention.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::storage::StorageError;

/// How often a test repeats itself: `WISDOM_TEST_ROUNDS` times where that is set, else `usual` times.
///
/// # Panics
/// When the variable holds no number above 0.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration file: whoever runs them speaks to them by environment variables"
)]
pub fn rounds(usual: usize) -> usize {
    let Some(wished) = std::env::var_os("WISDOM_TEST_ROUNDS").filter(|wished| !wished.is_empty()) else {
        return usual;
    };
    let wished = wished.to_str().and_then(|wished| wished.parse().ok());
    wished
        .filter(|rounds| *rounds > 0)
        .expect("WISDOM_TEST_ROUNDS is a number above 0")
}

/// Runs `count` futures at the same time, each as a task of its own, and answers what they gave.
///
/// # Panics
/// When one of them panics.
pub async fn parallel<T, F>(count: usize, make: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut tasks: JoinSet<T> = (0..count).map(make).collect();
    let mut answers = Vec::with_capacity(count);
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer.expect("a task panicked"));
    }
    answers
}

/// Runs a unit of work again while it meets contention, as the runner does, at most 100 times.
///
/// # Errors
/// The last error.
pub async fn retrying<T, F>(attempt: impl Fn() -> F) -> Result<T, StorageError>
where
    F: Future<Output = Result<T, StorageError>>,
{
    for _ in 1..100 {
        match attempt().await {
            Err(error) if error.is_contention() => tokio::time::sleep(Duration::from_millis(3)).await,
            answer => return answer,
        }
    }
    attempt().await
}
