//! The loop that relay and delivery worker share: claim as much as there are free hands, work in parallel, settle, claim
//! again at once. Nothing of a claim stays in a transaction while it is worked on.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::EventsError;
use crate::kit::Waker;

/// Waits between looks at storage that fails, at most.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Tries to settle the last work before stopping without: leases end, and others do it again.
const LAST_TRIES: u32 = 3;

/// Where work comes from and what is done with it.
pub(crate) trait Work: Debug + Send + Sync + 'static {
    /// For logs and metrics.
    const NAME: &'static str;
    /// Something claimed.
    type Item: Send + 'static;
    /// How it went, to be written at the next turn.
    type Done: Send + 'static;

    /// Writes how past work went and claims up to `free` more, in one unit of work.
    fn turn(
        &self,
        done: &[Self::Done],
        free: usize,
    ) -> impl Future<Output = Result<Vec<Self::Item>, EventsError>> + Send;

    /// Works on one item. Must end, and must not panic: bound and catch what is not under control.
    fn work(&self, item: Self::Item) -> impl Future<Output = Self::Done> + Send;
}

/// Runs until `stop`, then finishes what is in hand and settles it.
pub(crate) async fn run<W: Work>(
    work: Arc<W>,
    hands: usize,
    poll: Duration,
    waker: &Waker,
    stop: &CancellationToken,
) {
    let mut in_hand = JoinSet::new();
    let mut done = Vec::new();
    let mut failures = 0_u32;
    // Whether the last claim found less than it asked for: then there is nothing more until something happens.
    let mut dry = false;
    loop {
        while let Some(joined) = in_hand.try_join_next() {
            collect::<W>(joined, &mut done);
        }
        let stopping = stop.is_cancelled();
        let free = if stopping {
            0
        } else {
            hands.saturating_sub(in_hand.len())
        };
        if !done.is_empty() || (free > 0 && !dry) {
            match work.turn(&done, free).await {
                Ok(items) => {
                    failures = 0;
                    done.clear();
                    dry = items.len() < free;
                    for item in items {
                        let work = Arc::clone(&work);
                        in_hand.spawn(async move { work.work(item).await });
                    }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    dry = true;
                    metrics::counter!("wisdom_worker_failures_total", "worker" => W::NAME).increment(1);
                    tracing::warn!(worker = W::NAME, %error, failures, "a turn failed");
                }
            }
        }
        if stopping && in_hand.is_empty() && (done.is_empty() || failures >= LAST_TRIES) {
            return;
        }
        let pause = poll.saturating_mul(1 << failures.min(8)).min(MAX_PAUSE.max(poll));
        tokio::select! {
            Some(joined) = in_hand.join_next() => {
                collect::<W>(joined, &mut done);
                dry = false;
            }
            () = waker.woken(), if !stopping => dry = false,
            () = stop.cancelled(), if !stopping => {}
            () = tokio::time::sleep(if stopping { poll.min(Duration::from_millis(200)) } else { pause }) => dry = false,
        }
    }
}

/// Works until nothing is due any more; answers how much was worked on. For tests and the command line.
pub(crate) async fn drain<W: Work>(work: &W, hands: usize) -> Result<usize, EventsError> {
    let mut done = Vec::new();
    let mut total = 0;
    loop {
        let items = work.turn(&done, hands).await?;
        if items.is_empty() {
            return Ok(total);
        }
        total += items.len();
        done = join_all(items.into_iter().map(|item| work.work(item))).await;
    }
}

fn collect<W: Work>(joined: Result<W::Done, tokio::task::JoinError>, done: &mut Vec<W::Done>) {
    match joined {
        Ok(one) => done.push(one),
        // The claim's lease ends and somebody claims it again; its count of tries has risen, so this ends.
        Err(error) => tracing::error!(worker = W::NAME, %error, "work was lost to a panic"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use wisdom_core::storage::{StorageError, StorageErrorKind};

    use super::*;

    #[derive(Debug, Default)]
    struct Numbers {
        waiting: Mutex<VecDeque<u32>>,
        settled: Mutex<Vec<u32>>,
        at_work: AtomicUsize,
        peak: AtomicUsize,
        failing_turns: AtomicUsize,
    }

    impl Work for Numbers {
        const NAME: &'static str = "numbers";
        type Item = u32;
        type Done = u32;

        async fn turn(&self, done: &[u32], free: usize) -> Result<Vec<u32>, EventsError> {
            if self
                .failing_turns
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_ok()
            {
                return Err(StorageError::new(StorageErrorKind::Unavailable, "turn").into());
            }
            self.settled.lock().unwrap().extend(done);
            let mut waiting = self.waiting.lock().unwrap();
            let count = free.min(waiting.len());
            Ok(waiting.drain(..count).collect())
        }

        async fn work(&self, item: u32) -> u32 {
            let now = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
            self.peak.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(u64::from(item % 7))).await;
            self.at_work.fetch_sub(1, Ordering::SeqCst);
            item
        }
    }

    async fn run_until(work: &Arc<Numbers>, settled: usize) {
        let stop = CancellationToken::new();
        let waker = Waker::default();
        let running = {
            let (work, waker, stop) = (Arc::clone(work), waker.clone(), stop.clone());
            tokio::spawn(async move { run(work, 16, Duration::from_secs(1), &waker, &stop).await })
        };
        while work.settled.lock().unwrap().len() < settled {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn all_is_worked_on_once_within_bounds() {
        let work = Arc::new(Numbers::default());
        work.waiting.lock().unwrap().extend(0..500);
        run_until(&work, 500).await;
        let mut settled = work.settled.lock().unwrap().clone();
        settled.sort_unstable();
        assert_eq!(settled, (0..500).collect::<Vec<_>>());
        let peak = work.peak.load(Ordering::SeqCst);
        assert!((2..=16).contains(&peak), "{peak}");
    }

    #[tokio::test(start_paused = true)]
    async fn work_done_is_settled_although_storage_was_away() {
        let work = Arc::new(Numbers::default());
        work.waiting.lock().unwrap().extend(0..20);
        work.failing_turns.store(5, Ordering::SeqCst);
        run_until(&work, 20).await;
        assert_eq!(work.settled.lock().unwrap().len(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_finishes_what_is_in_hand() {
        let work = Arc::new(Numbers::default());
        work.waiting.lock().unwrap().extend([6, 6, 6]);
        let (stop, waker) = (CancellationToken::new(), Waker::default());
        let running = {
            let (work, waker, stop) = (Arc::clone(&work), waker.clone(), stop.clone());
            tokio::spawn(async move { run(work, 2, Duration::from_secs(1), &waker, &stop).await })
        };
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(work.at_work.load(Ordering::SeqCst), 2);
        stop.cancel();
        running.await.unwrap();
        assert_eq!(*work.settled.lock().unwrap(), [6, 6]);
        assert_eq!(work.waiting.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wake_is_heard_before_the_poll() {
        let work = Arc::new(Numbers::default());
        let (stop, waker) = (CancellationToken::new(), Waker::default());
        let running = {
            let (work, waker, stop) = (Arc::clone(&work), waker.clone(), stop.clone());
            tokio::spawn(async move { run(work, 2, Duration::from_hours(1), &waker, &stop).await })
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        work.waiting.lock().unwrap().push_back(1);
        waker.wake();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(*work.settled.lock().unwrap(), [1]);
        stop.cancel();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn draining_ends_when_nothing_is_due() {
        let work = Numbers::default();
        work.waiting.lock().unwrap().extend(0..40);
        assert_eq!(drain(&work, 16).await.unwrap(), 40);
        assert_eq!(work.settled.lock().unwrap().len(), 40);
    }
}
