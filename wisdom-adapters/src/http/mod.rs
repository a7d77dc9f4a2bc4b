//! Outgoing HTTP: the reqwest adapter, and what the vendor adapters on top of the port share.

#[cfg(feature = "http-reqwest")]
mod client;
mod open;
#[cfg(feature = "http-reqwest")]
mod resolver;
#[cfg(any(feature = "crm-hubspot", feature = "payments-stripe"))]
mod vendor;

#[cfg(feature = "http-reqwest")]
pub use client::ReqwestClient;
pub use open::OpenParameters;
#[cfg(feature = "http-reqwest")]
pub use resolver::{NameLookup, SystemLookup};
#[cfg(any(feature = "crm-hubspot", feature = "payments-stripe"))]
pub(crate) use vendor::VendorApi;
