//! Contact books behind the `Crm` port.

#[cfg(feature = "crm-hubspot")]
pub mod hubspot;
mod log;

pub use log::{LogCrm, Pushed};
