//! A client: an assembly, its workers and its own threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use wisdom_adapters::config::Config;
use wisdom_adapters::{Wisdom, WisdomBuilder, Workers};

use crate::error::Refusal;

/// An open Wisdom. Opaque; any number of threads may use it at once.
#[expect(non_camel_case_types, reason = "the C name")]
#[derive(Debug)]
pub struct wisdom_client {
    _opaque: [u8; 0],
}

/// What is behind a handle.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) wisdom: Arc<Wisdom>,
    runtime: Mutex<Option<Arc<Runtime>>>,
    workers: Mutex<Option<Workers>>,
    pid: u32,
    in_flight: AtomicUsize,
    max_in_flight: usize,
    closing: AtomicBool,
    broken: AtomicBool,
}

/// A call under way; ends when dropped.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Client {
    pub(crate) fn open(config: Config) -> Result<Self, Refusal> {
        let mut builder = Builder::new_multi_thread();
        if config.runtime.worker_threads > 0 {
            builder.worker_threads(size(config.runtime.worker_threads));
        }
        let runtime = builder
            .max_blocking_threads(size(config.runtime.blocking_threads))
            .thread_name("wisdom")
            .enable_all()
            .build()
            .map_err(|_| Refusal::internal("threads cannot be started"))?;
        let max_in_flight = size(config.runtime.max_in_flight);
        let wisdom = runtime
            .block_on(WisdomBuilder::new(config).build())
            .map_err(Refusal::config)?;
        let workers = {
            let _inside = runtime.enter();
            wisdom.start_workers()
        };
        Ok(Self {
            wisdom,
            runtime: Mutex::new(Some(Arc::new(runtime))),
            workers: Mutex::new(Some(workers)),
            pid: std::process::id(),
            in_flight: AtomicUsize::new(0),
            max_in_flight,
            closing: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        })
    }

    /// Admits a call, unless the client is closing, broken, full, or another process's.
    pub(crate) fn enter(&self) -> Result<InFlight<'_>, Refusal> {
        self.check_process()?;
        if self.broken.load(Ordering::Acquire) {
            return Err(Refusal::panicked());
        }
        let guard = InFlight(&self.in_flight);
        let before = self.in_flight.fetch_add(1, Ordering::AcqRel);
        if self.closing.load(Ordering::Acquire) {
            return Err(Refusal::closed());
        }
        if before >= self.max_in_flight {
            return Err(Refusal::busy());
        }
        Ok(guard)
    }

    fn check_process(&self) -> Result<(), Refusal> {
        if self.pid == std::process::id() {
            Ok(())
        } else {
            Err(Refusal::forked())
        }
    }

    pub(crate) fn runtime(&self) -> Result<Arc<Runtime>, Refusal> {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        runtime.clone().ok_or_else(Refusal::closed)
    }

    pub(crate) fn mark_broken(&self) {
        self.broken.store(true, Ordering::Release);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Refuses new calls, waits for running ones, stops workers and threads. Calls after the first do nothing.
    #[expect(clippy::disallowed_methods, reason = "waits for real time to pass")]
    pub(crate) fn close(&self, timeout: Duration) -> Result<(), Refusal> {
        self.check_process()?;
        if self.closing.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let deadline = Instant::now() + timeout;
        while self.in_flight() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        let left = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(100));
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(runtime) = runtime else { return Ok(()) };
        if let Some(workers) = workers {
            runtime.block_on(workers.stop(left));
        }
        // A call that outlived the deadline holds the other end; its thread drops the runtime when it returns.
        if let Ok(runtime) = Arc::try_unwrap(runtime) {
            runtime.shutdown_timeout(left);
        }
        Ok(())
    }

    /// After `fork` the threads are gone: the child lets go without touching them.
    pub(crate) fn is_foreign(&self) -> bool {
        self.check_process().is_err()
    }
}

fn size(figure: u32) -> usize {
    usize::try_from(figure).unwrap_or(usize::MAX)
}
