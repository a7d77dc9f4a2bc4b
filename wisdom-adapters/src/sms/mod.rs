//! SMS transports.

mod log;

pub use self::log::LogSms;
