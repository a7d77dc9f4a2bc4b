//! What time it is.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// Tells the time of day. Everything that compares, stores or prints times asks it.
pub trait Clock: Send + Sync + Debug {
    /// The time now. It may jump, also backwards, when the machine's clock is set.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(passed) => Timestamp::EPOCH.saturating_add(passed),
            Err(before) => Timestamp::EPOCH.saturating_sub(before.duration()),
        }
    }
}

/// A clock that stands still until told otherwise, for tests. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    micros: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            micros: Arc::new(AtomicI64::new(now.as_micros())),
        }
    }

    /// Moves the time forward, at most to [`Timestamp::MAX`].
    pub fn advance(&self, by: Duration) {
        // The closure never gives None, so there is no failure to report.
        let _ = self
            .micros
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |micros| {
                Some(
                    Timestamp::from_micros_saturating(micros)
                        .saturating_add(by)
                        .as_micros(),
                )
            });
    }

    /// Shows this time from now on; it may be an earlier one.
    pub fn set(&self, now: Timestamp) {
        self.micros.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros_saturating(self.micros.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_clock_shows_a_year_after_2025() {
        assert!(SystemClock.now().unix_seconds() > 1_767_225_600);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told_and_clones_share_it() {
        let clock = ManualClock::at(Timestamp::EPOCH);
        let seen: Arc<dyn Clock> = Arc::new(clock.clone());
        assert_eq!(seen.now(), Timestamp::EPOCH);
        clock.advance(Duration::from_secs(90));
        assert_eq!(seen.now().unix_seconds(), 90);
        clock.set(Timestamp::EPOCH);
        assert_eq!(seen.now(), Timestamp::EPOCH);
        clock.advance(Duration::MAX);
        assert_eq!(seen.now(), Timestamp::MAX);
    }
}
