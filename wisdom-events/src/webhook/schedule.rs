//! When a delivery is tried again: the example schedule of Standard Webhooks. Pure.

use std::time::Duration;

/// Waits after the first, second, … failed try: 10 tries in 75 h 35 min.
pub const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// The longest wait that a receiver can ask for.
pub const MAX_ASKED: Duration = Duration::from_hours(24);

/// The shortest wait for a receiver that is overloaded: 429, 502, 504, or no answer in time.
pub const OVERLOADED: Duration = Duration::from_mins(1);

/// What the receiver's answer says about the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hint {
    /// `Retry-After`, if it sent one.
    pub asked: Option<Duration>,
    /// Whether it is overloaded.
    pub overloaded: bool,
}

/// The wait after failed try number `tries` (from 1); `None` when it was the last. `noise` is uniform over all of `u32`.
///
/// The table's wait is spread by 20 % both ways. What the receiver asked for, up to [`MAX_ASKED`], is a lower bound: a
/// receiver that says "in six hours" is believed.
#[must_use]
pub fn wait_after(tries: i32, hint: Hint, noise: u32) -> Option<Duration> {
    let index = usize::try_from(tries.checked_sub(1)?).ok()?;
    let spread = 0.8 + 0.4 * (f64::from(noise) / f64::from(u32::MAX));
    let mut wait = WAITS.get(index)?.mul_f64(spread);
    if hint.overloaded {
        wait = wait.max(OVERLOADED);
    }
    if let Some(asked) = hint.asked {
        wait = wait.max(asked.min(MAX_ASKED));
    }
    Some(wait)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_table_is_the_standards_example() {
        let total: Duration = WAITS.iter().sum();
        assert_eq!(total, Duration::from_secs(75 * 3600 + 35 * 60 + 5));
    }

    #[test]
    fn no_try_before_the_first_and_none_after_the_tenth() {
        for tries in [i32::MIN, -1, 0, 10, 11, i32::MAX] {
            assert_eq!(wait_after(tries, Hint::default(), 7), None, "{tries}");
        }
    }

    proptest! {
        #[test]
        fn waits_keep_to_the_table_and_to_what_was_asked(
            tries in 1_i32..=9,
            noise: u32,
            asked in proptest::option::of(0_u64..200_000),
            overloaded: bool,
        ) {
            let hint = Hint { asked: asked.map(Duration::from_secs), overloaded };
            let wait = wait_after(tries, hint, noise).unwrap();
            let table = WAITS[usize::try_from(tries - 1).unwrap()];
            let floor = hint.asked.unwrap_or_default().min(MAX_ASKED)
                .max(if overloaded { OVERLOADED } else { Duration::ZERO });
            prop_assert!(wait >= floor);
            prop_assert!(wait.as_secs_f64() >= table.as_secs_f64() * 0.799);
            prop_assert!(wait <= floor || wait.as_secs_f64() <= table.as_secs_f64() * 1.201);
        }
    }
}
