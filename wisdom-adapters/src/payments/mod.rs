//! Payment vendors behind the `Payments` port.

mod event;
mod fake;
mod form;
pub mod signature;
#[cfg(feature = "payments-stripe")]
pub mod stripe;

pub use fake::FakePayments;
