//! Metrics of requests, with handles made once.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use metrics::Histogram;

/// Statuses with a handle of their own; any other is counted as the last.
const STATUSES: [u16; 22] = [
    200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 408, 409, 412, 413, 415, 422, 429, 431, 500, 503, 504,
    0,
];

/// The histograms `wisdom_http_request_seconds` of one route. Labels come from the route table, never from a request.
pub(crate) struct Measure {
    method: &'static str,
    route: &'static str,
    handles: [OnceLock<Histogram>; STATUSES.len()],
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measure")
            .field("method", &self.method)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

impl Measure {
    pub(crate) fn new(method: &'static str, route: &'static str) -> Self {
        Self {
            method,
            route,
            handles: [const { OnceLock::new() }; STATUSES.len()],
        }
    }

    pub(crate) fn method(&self) -> &'static str {
        self.method
    }

    pub(crate) fn route(&self) -> &'static str {
        self.route
    }

    pub(crate) fn record(&self, status: StatusCode, time: Duration) {
        let last = STATUSES.len() - 1;
        let index = STATUSES
            .iter()
            .position(|known| *known == status.as_u16())
            .unwrap_or(last);
        let handle = self.handles[index].get_or_init(|| {
            let status = if index == last {
                "other".to_owned()
            } else {
                STATUSES[index].to_string()
            };
            metrics::histogram!(
                "wisdom_http_request_seconds",
                "method" => self.method,
                "route" => self.route,
                "status" => status,
            )
        });
        handle.record(time.as_secs_f64());
    }
}
