//! OAuth for programs: service clients of a tenant, the client-credentials grant (RFC 6749, section 4.4), introspection
//! (RFC 7662) and revocation (RFC 7009).
//!
//! A service client is a tenant's API key of another [kind](crate::api_key::KeyKind): its secret opens nothing but the
//! token endpoint. Instead of the secret it may show a certificate ([RFC 8705](certificate)).

pub mod authenticate;
pub mod certificate;
pub mod client_token;
pub mod error;
pub mod introspect;
pub mod issue;
pub mod manage;
pub mod revoke;

pub use error::OauthError;
