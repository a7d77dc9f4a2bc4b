//! Counters per key with a hard bound on their number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use wisdom_core::port::rate_limit::RateKey;

const SHARDS: usize = 32;

/// How many keys all policies of a limiter may hold together.
#[derive(Debug)]
pub(super) struct Budget {
    cap: usize,
    used: AtomicUsize,
    /// A key was turned away since this was last looked at.
    exceeded: AtomicBool,
}

impl Budget {
    pub(super) fn new(cap: usize) -> Arc<Self> {
        Arc::new(Self {
            cap,
            used: AtomicUsize::new(0),
            exceeded: AtomicBool::new(false),
        })
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    pub(super) fn clear_exceeded(&self) {
        self.exceeded.store(false, Ordering::Relaxed);
    }

    fn reserve(&self) -> bool {
        let reserved = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used < self.cap).then_some(used + 1)
            })
            .is_ok();
        if !reserved {
            self.exceeded.store(true, Ordering::Relaxed);
        }
        reserved
    }

    fn release(&self, keys: usize) {
        self.used.fetch_sub(keys, Ordering::Relaxed);
    }
}

/// The state of one policy. A new key that finds no room shares one counter with all others that find none: who
/// invents keys to escape the limit only gets a smaller share.
#[derive(Debug)]
pub(super) struct BoundedStore {
    shards: [Mutex<HashMap<RateKey, Nanos>>; SHARDS],
    overflow: Mutex<Option<Nanos>>,
    budget: Arc<Budget>,
}

impl BoundedStore {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            overflow: Mutex::default(),
            budget,
        }
    }

    fn shard(&self, key: &RateKey) -> MutexGuard<'_, HashMap<RateKey, Nanos>> {
        // FNV-1a. It spreads locks only; the maps hash with a random seed.
        let hash = key.as_bytes().iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        lock(&self.shards[hash as usize % SHARDS])
    }
}

impl StateStore for BoundedStore {
    type Key = RateKey;

    fn measure_and_replace<T, F, E>(&self, key: &RateKey, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.shard(key);
        if let Some(state) = shard.get_mut(key) {
            let (answer, next) = measure(Some(*state))?;
            *state = next;
            return Ok(answer);
        }
        if !self.budget.reserve() {
            drop(shard);
            let mut state = lock(&self.overflow);
            let (answer, next) = measure(*state)?;
            *state = Some(next);
            return Ok(answer);
        }
        match measure(None) {
            Ok((answer, next)) => {
                shard.insert(key.clone(), next);
                Ok(answer)
            }
            Err(refusal) => {
                self.budget.release(1);
                Err(refusal)
            }
        }
    }
}

impl ShrinkableKeyedStateStore<RateKey> for BoundedStore {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let before = shard.len();
            shard.retain(|_, state| *state > drop_below);
            self.budget.release(before - shard.len());
        }
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The state is one number that is replaced whole, so a panic elsewhere can't have left it half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
