//! The server from outside: the real program, over real HTTP, on SQLite and PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what goes wrong in a test's own machinery fails the test"
)]

mod api_keys;
mod attempts;
mod client_certificates;
mod cookies;
mod crash;
mod flow;
mod forgery;
mod forwarded;
mod harness;
mod impersonation;
mod interrupted;
mod isolation;
mod lifecycle;
mod limits;
mod listener;
mod log_in_load;
mod mutual_tls;
mod oauth;
mod openapi;
mod outside_verifiers;
mod passkeys;
mod passwords;
mod providers;
mod refresh;
mod reset_link;
mod revocation;
mod roles;
mod session_origins;
mod sign_in;
mod stolen_certificates;
mod support_access;
mod tls;
mod transfer;
