//! When an event that could not be told everywhere is tried again. Pure: time and noise come in.

use std::time::Duration;

use wisdom_core::port::Retry;

/// Exponential backoff with full jitter, a cap and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first try; doubles with each further one.
    pub base: Duration,
    /// The longest wait of all, unless the other side asks for more.
    pub cap: Duration,
    /// Tries in all, 1 or more; then it becomes a dead letter.
    pub max_tries: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(5),
            cap: Duration::from_hours(1),
            max_tries: 12,
        }
    }
}

/// What follows a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another try after this wait.
    Again(Duration),
    /// No more tries.
    GiveUp,
}

impl Backoff {
    /// What follows when try number `tries` (from 1) failed with this hint. `noise` is uniform over all of `u32`.
    ///
    /// The wait is uniform between nothing and the full one, so that many events that failed at once do not come back
    /// at once. A wait that the other side asked for is a lower bound.
    #[must_use]
    pub fn next(&self, tries: u32, retry: Retry, noise: u32) -> Next {
        if retry == Retry::Never || tries >= self.max_tries {
            return Next::GiveUp;
        }
        let doublings = tries.saturating_sub(1).min(31);
        let full = self.base.saturating_mul(1 << doublings).min(self.cap);
        let wait = full.mul_f64(f64::from(noise) / f64::from(u32::MAX));
        Next::Again(match retry {
            Retry::After(asked) => wait.max(asked),
            _ => wait,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_full_wait_doubles_up_to_the_cap() {
        let backoff = Backoff::default();
        let full = |tries| match backoff.next(tries, Retry::Backoff, u32::MAX) {
            Next::Again(wait) => wait.as_secs(),
            Next::GiveUp => 0,
        };
        assert_eq!(
            (1..=12).map(full).collect::<Vec<_>>(),
            [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 0]
        );
    }

    #[test]
    fn what_cannot_help_is_not_tried() {
        assert_eq!(Backoff::default().next(1, Retry::Never, 7), Next::GiveUp);
    }

    proptest! {
        #[test]
        fn waits_are_bounded_and_tries_end(tries in 1_u32.., noise: u32, asked in 0_u64..100_000) {
            let backoff = Backoff::default();
            match backoff.next(tries, Retry::Backoff, noise) {
                Next::Again(wait) => prop_assert!(wait <= backoff.cap && tries < backoff.max_tries),
                Next::GiveUp => prop_assert!(tries >= backoff.max_tries),
            }
            let asked = Duration::from_secs(asked);
            if let Next::Again(wait) = backoff.next(tries, Retry::After(asked), noise) {
                prop_assert!(wait >= asked && wait <= asked.max(backoff.cap));
            }
        }
    }
}
