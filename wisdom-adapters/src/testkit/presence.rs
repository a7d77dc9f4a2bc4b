//! The decision between failing a test and leaving it out.

use std::io::Write as _;

use super::{TestkitError, Unavailable, settings};

/// Unwraps a service, or decides what its absence means.
///
/// Returns `None` only when the service is missing on this machine and `WISDOM_TEST_REQUIRE_SERVICES=1` is not
/// set; one line on standard error then says which tests were left out and the remedy.
///
/// # Panics
///
/// When the service is missing although it is required, and on every other error: a server that is there but
/// does not work is a fault, never a reason to skip.
#[track_caller]
#[must_use = "the test has to return when there is no service"]
pub fn present<T>(outcome: Result<T, TestkitError>) -> Option<T> {
    decide(outcome, settings::services_required())
}

#[track_caller]
#[expect(
    clippy::panic,
    reason = "runs only inside tests, and a panic is how a test fails"
)]
fn decide<T>(outcome: Result<T, TestkitError>, required: bool) -> Option<T> {
    match outcome {
        Ok(service) => Some(service),
        Err(TestkitError::Unavailable(absent)) if !required => {
            announce(&absent);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Writes past the test harness, which would swallow what a passing test prints.
fn announce(absent: &Unavailable) {
    let line = format!(
        "left out: {} tests ({}; remedy: {})\n",
        absent.service, absent.reason, absent.remedy
    );
    // A closed standard error must not turn a test red.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Gives the service of an `Ok`, or leaves the test function, which must return `()`; see
/// [`present`](crate::testkit::present) for when it fails instead.
#[doc(hidden)]
#[macro_export]
macro_rules! __testkit_require_or_skip {
    ($outcome:expr $(,)?) => {
        match $crate::testkit::present($outcome) {
            ::core::option::Option::Some(service) => service,
            ::core::option::Option::None => return,
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absent() -> Result<(), TestkitError> {
        Err(Unavailable {
            service: "Example",
            reason: "not found".into(),
            remedy: "install it",
        }
        .into())
    }

    #[test]
    fn a_present_service_is_handed_out() {
        assert_eq!(decide(Ok(7), true), Some(7));
        assert_eq!(decide(Ok(7), false), Some(7));
    }

    #[test]
    fn an_absent_optional_service_leaves_the_test_out() {
        assert_eq!(decide(absent(), false), None);
    }

    #[test]
    #[should_panic(expected = "Example is not available: not found; remedy: install it")]
    fn an_absent_required_service_fails_the_test() {
        let _ = decide(absent(), true);
    }

    #[test]
    #[should_panic(expected = "did not start")]
    fn a_broken_service_fails_the_test_even_when_optional() {
        let _ = decide(Err::<(), _>(TestkitError::Start("no disk".into())), false);
    }
}
