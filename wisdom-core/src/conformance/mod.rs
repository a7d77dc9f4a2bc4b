//! What the storage suites stand on: a kit whose time and ids a test moves, a harness around a store, and the means to
//! let many units of work race.
//!
//! The cases themselves live beside the repository traits they are about: `wisdom_auth::conformance`,
//! `wisdom_tenancy::conformance`, `wisdom_events::conformance`. Each has a macro that lists its cases once and expands
//! to one named test a case.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

mod harness;
mod race;
mod refusal;
mod sealer;
mod test_kit;

pub use harness::{Harness, record, save, try_save};
pub use race::{parallel, retrying, rounds};
pub use refusal::CaseError;
pub use sealer::ManualSealer;
pub use test_kit::{REASON, TestKit};
