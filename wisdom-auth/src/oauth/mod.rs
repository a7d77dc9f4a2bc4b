//! OAuth for programs: service clients of a tenant, the client-credentials grant (RFC 6749, section 4.4), introspection
//! (RFC 7662) and revocation (RFC 7009).
//!
//! A service client is a tenant's API key of another [kind](crate::api_key::KeyKind): its secret opens nothing but the
//! token endpoint.

pub mod authenticate;
pub mod client_token;
pub mod error;
pub mod introspect;
pub mod issue;
pub mod manage;
pub mod revoke;

pub use error::OauthError;
