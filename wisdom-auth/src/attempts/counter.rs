//! What is counted, and what follows from it: pure decisions.

use std::time::Duration;

use wisdom_core::policy::Policy;
use wisdom_core::time::Timestamp;

/// How often credentials may be tried.
///
/// Only failures count. Of one account, over all doors and whether or not there is such an account: from the fifth in a
/// row on each is followed by a pause twice as long as the one before, and after [`most`](Self::most) in all there is no
/// pause that ends: a known device, a link by mail or a new password opens it again. A part of `most` is kept for the
/// user's known devices, so that nobody else can use up their tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptPolicy {
    /// The failure in a row that the first pause follows. Default 5.
    pub pause_from: u32,
    /// The first pause in seconds. Default 1.
    pub first_pause_seconds: u32,
    /// The longest pause in seconds. Default 900.
    pub longest_pause_seconds: u32,
    /// Failures in a row of one account, over all doors and devices. Default 100 (NIST SP 800-63B-4, section 3.2.2).
    pub most: u32,
    /// How many of those are for known devices only. Default 10.
    pub of_known_devices: u32,
    /// Failures from one source (an IPv4 address, an IPv6 /64) that come back within a window. Default 60.
    pub per_source: u32,
    /// That window in seconds. Default 900.
    pub source_window_seconds: u32,
}

impl Default for AttemptPolicy {
    fn default() -> Self {
        Self {
            pause_from: 5,
            first_pause_seconds: 1,
            longest_pause_seconds: 900,
            most: 100,
            of_known_devices: 10,
            per_source: 60,
            source_window_seconds: 900,
        }
    }
}

impl Policy for AttemptPolicy {}

impl AttemptPolicy {
    /// Whether the figures make sense together: for start-up checks. Answers the name of the one that does not.
    ///
    /// # Errors
    /// The figure's name.
    pub const fn check(&self) -> Result<(), &'static str> {
        if self.pause_from == 0 || self.pause_from > self.of_known_devices {
            Err("pause_from")
        } else if self.first_pause_seconds == 0 || self.first_pause_seconds > self.longest_pause_seconds {
            Err("first_pause_seconds")
        } else if self.longest_pause_seconds > 86_400 {
            Err("longest_pause_seconds")
        } else if self.most > 100 || self.of_known_devices >= self.most {
            Err("most")
        } else if self.per_source == 0 {
            Err("per_source")
        } else if self.source_window_seconds == 0 || self.source_window_seconds > 86_400 {
            Err("source_window_seconds")
        } else {
            Ok(())
        }
    }

    fn longest(&self) -> Duration {
        Duration::from_secs(u64::from(self.longest_pause_seconds))
    }

    /// The pause after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.pause_from) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let seconds = u64::from(self.first_pause_seconds) * u64::from(factor);
        Duration::from_secs(seconds).min(self.longest())
    }

    /// The time in which one failure of a source is forgotten.
    fn source_interval(&self) -> Duration {
        Duration::from_secs(u64::from(self.source_window_seconds)) / self.per_source.max(1)
    }
}

/// Which of the limits a counter is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// An account's, for everybody.
    Account,
    /// An account's, for its known devices.
    KnownDevices,
    /// A source's.
    Source,
}

/// Failures that were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// How many there were in a row; of a source, in all.
    pub failures: u32,
    /// When the last one was; of a source, when all are forgotten.
    pub at: Timestamp,
}

impl Counter {
    /// Nothing was counted yet.
    #[must_use]
    pub const fn none(now: Timestamp) -> Self {
        Self { failures: 0, at: now }
    }

    /// For how long nothing may be tried. `None`: it may be now.
    #[must_use]
    pub fn wait(&self, limit: Limit, policy: &AttemptPolicy, now: Timestamp) -> Option<Duration> {
        let rest = match limit {
            Limit::Source => {
                let interval = policy.source_interval();
                let room = interval * policy.per_source.saturating_sub(1);
                self.at.since(now).saturating_sub(room)
            }
            Limit::Account if self.failures >= policy.most.saturating_sub(policy.of_known_devices) => {
                policy.longest()
            }
            Limit::KnownDevices if self.failures >= policy.of_known_devices => policy.longest(),
            Limit::Account | Limit::KnownDevices => {
                self.at.saturating_add(policy.pause(self.failures)).since(now)
            }
        };
        (!rest.is_zero()).then_some(rest)
    }

    /// The counter with one failure more.
    #[must_use]
    pub fn failed(&self, limit: Limit, policy: &AttemptPolicy, now: Timestamp) -> Self {
        let at = match limit {
            Limit::Source => self.at.max(now).saturating_add(policy.source_interval()),
            Limit::Account | Limit::KnownDevices => now,
        };
        Self {
            failures: self.failures.saturating_add(1),
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.saturating_add(Duration::from_secs(1_800_000_000 + seconds))
    }

    /// Tries whenever it may, for so long; answers how many tries failed.
    fn try_for(limit: Limit, policy: &AttemptPolicy, seconds: u64) -> u32 {
        let mut counter = Counter::none(at(0));
        for now in 0..seconds {
            while counter.wait(limit, policy, at(now)).is_none() {
                counter = counter.failed(limit, policy, at(now));
            }
        }
        counter.failures
    }

    #[test]
    fn pauses_begin_with_the_fifth_failure_and_double() {
        let policy = AttemptPolicy::default();
        let seconds = |failures| policy.pause(failures).as_secs();
        assert_eq!(
            (0..=9).map(seconds).collect::<Vec<_>>(),
            [0, 0, 0, 0, 0, 1, 2, 4, 8, 16]
        );
        assert_eq!((seconds(14), seconds(15), seconds(90)), (512, 900, 900));
        assert_eq!(seconds(u32::MAX), 900);
    }

    #[test]
    fn an_account_has_a_hundred_failures_in_a_row_however_long_it_takes() {
        let policy = AttemptPolicy::default();
        let year = 366 * 86_400 / 100;
        assert_eq!(try_for(Limit::Account, &policy, year), 90);
        assert_eq!(try_for(Limit::KnownDevices, &policy, year), 10);
        assert_eq!(try_for(Limit::Account, &policy, 1), 5);
        let used = Counter {
            failures: 90,
            at: at(0),
        };
        assert_eq!(
            used.wait(Limit::Account, &policy, at(10_000_000)),
            Some(Duration::from_secs(900))
        );
    }

    #[test]
    fn a_sources_failures_come_back_one_by_one() {
        let policy = AttemptPolicy::default();
        assert_eq!(try_for(Limit::Source, &policy, 1), 60);
        assert_eq!(try_for(Limit::Source, &policy, 901), 120);
        let mut counter = Counter::none(at(0));
        for _ in 0..60 {
            assert_eq!(counter.wait(Limit::Source, &policy, at(0)), None);
            counter = counter.failed(Limit::Source, &policy, at(0));
        }
        assert_eq!(
            counter.wait(Limit::Source, &policy, at(0)),
            Some(Duration::from_secs(15))
        );
        assert_eq!(counter.wait(Limit::Source, &policy, at(15)), None);
    }

    #[test]
    fn figures_that_would_open_the_door_are_refused() {
        let good = AttemptPolicy::default();
        assert_eq!(good.check(), Ok(()));
        for (bad, name) in [
            (
                AttemptPolicy {
                    pause_from: 0,
                    ..good
                },
                "pause_from",
            ),
            (
                AttemptPolicy {
                    first_pause_seconds: 0,
                    ..good
                },
                "first_pause_seconds",
            ),
            (AttemptPolicy { most: 101, ..good }, "most"),
            (
                AttemptPolicy {
                    of_known_devices: 100,
                    ..good
                },
                "most",
            ),
            (
                AttemptPolicy {
                    per_source: 0,
                    ..good
                },
                "per_source",
            ),
            (
                AttemptPolicy {
                    source_window_seconds: 0,
                    ..good
                },
                "source_window_seconds",
            ),
        ] {
            assert_eq!(bad.check(), Err(name));
        }
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_may_try_or_never_will(
            failures in 0_u32..200, since in 0_u64..5_000, source in any::<bool>(),
        ) {
            let policy = AttemptPolicy::default();
            let limit = if source { Limit::Source } else { Limit::Account };
            let mut counter = Counter::none(at(0));
            for _ in 0..failures {
                counter = counter.failed(limit, &policy, at(0));
            }
            let now = at(since);
            if let Some(wait) = counter.wait(limit, &policy, now) {
                let after = counter.wait(limit, &policy, now.saturating_add(wait));
                let over = limit == Limit::Account && failures >= 90;
                prop_assert_eq!(after.is_some(), over);
            }
        }

        #[test]
        fn a_failure_never_shortens_the_wait(failures in 0_u32..150, since in 0_u64..2_000) {
            let policy = AttemptPolicy::default();
            for limit in [Limit::Account, Limit::KnownDevices, Limit::Source] {
                let mut counter = Counter::none(at(0));
                for _ in 0..failures {
                    counter = counter.failed(limit, &policy, at(0));
                }
                let now = at(since);
                let before = counter.wait(limit, &policy, now);
                let after = counter.failed(limit, &policy, now).wait(limit, &policy, now);
                prop_assert!(after >= before, "{:?}", limit);
            }
        }
    }
}
