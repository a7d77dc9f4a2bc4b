#![doc = include_str!("../README.md")]

mod body;
mod client;
pub mod command;
mod cookies;
mod cors;
mod credential;
mod device;
mod endpoint;
mod health;
mod input;
pub mod limits;
mod oauth;
pub mod openapi;
mod patient;
mod problem;
mod rate;
mod route;
pub mod routes;
mod serve;
mod service;
pub mod telemetry;
mod tls;

pub use cors::OriginError;
pub use route::{Dialect, Route, RouteError, oauth_route, route};
pub use serve::Server;
pub use service::{Answer, Peer, Service, ServiceError};
pub use tls::{Tls, TlsError};
