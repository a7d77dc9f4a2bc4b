//! Logs and metrics.

mod line;
mod log;
pub(crate) mod measure;

use std::error::Error;
use std::fmt::Write as _;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use wisdom_core::trace::RequestInfo;

pub use line::MAX_LINE_BYTES;
pub use log::JsonLog;

tokio::task_local! {
    /// The request that the current task works for; log lines take their trace id from it. A task-local costs the hot
    /// path nothing, which a span for each request would.
    pub(crate) static REQUEST: RequestInfo;
}

/// Telemetry cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The log level is not a filter.
    #[error("`log.level` is not a log filter: {0}")]
    Filter(String),
    /// Something else in this process logs already.
    #[error("logging is set up already")]
    LogTwice,
    /// Something else in this process records metrics already.
    #[error("metrics are set up already")]
    MetricsTwice,
}

/// Sends log lines of this filter (`info`, `wisdom_server=debug,info`, `off`) to standard error, one JSON object a line,
/// and panics too.
///
/// # Errors
/// [`TelemetryError`] when the filter is none, or logging is set up already.
pub fn install_log(filter: &str) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| TelemetryError::Filter(error.to_string()))?;
    tracing_subscriber::registry()
        .with(filter)
        .with(JsonLog::to(std::io::stderr()))
        .try_init()
        .map_err(|_| TelemetryError::LogTwice)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(place, panic = text, "a task panicked");
    }));
    Ok(())
}

/// Records metrics of the whole process for `/metrics`.
///
/// # Errors
/// [`TelemetryError`] when something records them already.
pub fn install_metrics() -> Result<PrometheusHandle, TelemetryError> {
    const SECONDS: [f64; 14] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
    ];
    PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|_| TelemetryError::MetricsTwice)
}

/// An error and all that caused it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    // Bounded, should an error ever be its own cause.
    for _ in 0..16 {
        let Some(error) = cause else { break };
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
