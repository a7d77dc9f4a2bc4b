//! What paths lead to: operations of the catalogue, and what the service says of itself.

use http::{Method, StatusCode};
use schemars::generate::SchemaSettings;
use wisdom_core::access::Access;
use wisdom_core::catalogue::{Catalogue, Host, Position};

use crate::device;
use crate::input::InputPlan;
use crate::limits::{BODY_BYTES, PUBLIC_BODY_BYTES};
use crate::route::{Dialect, Route, RouteError};
use crate::service::method_name;
use crate::telemetry::measure::Measure;

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) target: Target,
    pub(crate) measure: Measure,
}

#[derive(Debug)]
pub(crate) enum Target {
    Operation(OperationEndpoint),
    /// The process lives.
    Live,
    /// It can do its work.
    Ready,
    /// Prometheus text.
    Metrics,
    /// Public keys of access tokens.
    Keys,
    /// The `OpenAPI` document.
    Document,
}

#[derive(Debug)]
pub(crate) struct OperationEndpoint {
    pub(crate) position: Position,
    pub(crate) public: bool,
    pub(crate) success: StatusCode,
    pub(crate) dialect: Dialect,
    pub(crate) takes_body: bool,
    pub(crate) body_bytes: usize,
    pub(crate) plan: InputPlan,
    /// Whether its input says what the client is.
    pub(crate) asks_device: bool,
}

/// The paths that are no operations, and what they are for.
pub(crate) const OWN: [(&str, &str); 5] = [
    ("/healthz", "Whether the process lives."),
    (
        "/readyz",
        "Whether the service can do its work; 503 while it starts, stops, or storage is away.",
    ),
    (
        "/metrics",
        "Metrics for Prometheus, for callers on this machine only; 404 for everybody else.",
    ),
    (
        "/.well-known/jwks.json",
        "The public keys of access tokens (RFC 7517).",
    ),
    ("/openapi.json", "This document."),
];

type Line = (Method, &'static str, Endpoint);

pub(crate) fn endpoints<H: Host>(
    catalogue: &Catalogue<H>,
    routes: &[Route],
) -> Result<Vec<Line>, RouteError> {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let mut schemas = Vec::with_capacity(routes.len());
    for route in routes {
        let unknown = RouteError::Unknown {
            path: route.path,
            operation: route.operation,
        };
        let found = catalogue.position(route.operation).and_then(|position| {
            let entry = catalogue.get(position)?;
            (entry.access != Access::System).then_some((position, entry))
        });
        let (position, entry) = found.ok_or(unknown)?;
        schemas.push((
            position,
            entry.access,
            entry.input_schema(&mut generator).to_value(),
        ));
    }
    let definitions = generator.take_definitions(true);
    let mut lines: Vec<Line> = Vec::with_capacity(routes.len() + OWN.len());
    for (route, (position, access, schema)) in routes.iter().zip(schemas) {
        let in_path: Vec<&str> = route.parameters().collect();
        let public = access == Access::Public;
        let operation = OperationEndpoint {
            position,
            public,
            success: route.success,
            dialect: route.dialect,
            takes_body: takes_body(&route.method),
            body_bytes: if public { PUBLIC_BODY_BYTES } else { BODY_BYTES },
            plan: InputPlan::of(&schema, &definitions, &in_path),
            asks_device: device::is_asked_by(route.operation),
        };
        let measure = Measure::new(method_name(&route.method), route.path);
        lines.push((
            route.method.clone(),
            route.path,
            Endpoint {
                target: Target::Operation(operation),
                measure,
            },
        ));
    }
    let own = [
        Target::Live,
        Target::Ready,
        Target::Metrics,
        Target::Keys,
        Target::Document,
    ];
    for ((path, _), target) in OWN.into_iter().zip(own) {
        lines.push((
            Method::GET,
            path,
            Endpoint {
                target,
                measure: Measure::new("GET", path),
            },
        ));
    }
    Ok(lines)
}

/// Whether a method's input comes from the body; else from the query.
pub(crate) fn takes_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::DELETE)
}
