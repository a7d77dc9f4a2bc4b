//! What a provider says about a person, and what can be wrong with it.

use thiserror::Error;
use wisdom_core::value::{DisplayName, EmailAddress};

/// What is wrong with a provider's answer: for logs, metrics and tests. A client learns only that it does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum AssertionFault {
    /// Not what the protocol describes: no JSON, members missing or of another type, too long.
    #[error("the answer has another form")]
    Form,
    /// The token endpoint refused the code or our credentials.
    #[error("the token endpoint refused")]
    Grant,
    /// The ID token's header is not one of a signed ID token, or names what must not be followed.
    #[error("the ID token's header")]
    Header,
    /// The algorithm is none of ours, or not the key's.
    #[error("the ID token's algorithm")]
    Algorithm,
    /// Signed with a key that the provider does not publish.
    #[error("the ID token's key")]
    Key,
    /// The signature is not the key's.
    #[error("the ID token's signature")]
    Signature,
    /// A claim is missing or of another type.
    #[error("the ID token's claims")]
    Claims,
    /// From another issuer, in the answer or in the ID token.
    #[error("the issuer")]
    Issuer,
    /// For another client.
    #[error("the audience")]
    Audience,
    /// The ID token belongs to another attempt.
    #[error("the nonce")]
    Nonce,
    /// The access token is not the one the ID token came with.
    #[error("the access token's hash")]
    AccessToken,
    /// Not valid yet, or issued too long ago.
    #[error("the time of issue")]
    Issued,
    /// Not valid any more.
    #[error("the end")]
    Expired,
}

impl AssertionFault {
    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Grant => "grant",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Nonce => "nonce",
            Self::AccessToken => "access_token",
            Self::Issued => "issued",
            Self::Expired => "expired",
        }
    }
}

/// A person as a provider describes them, after everything was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Who says so: `iss`, with the tenant filled in where a provider has one issuer for each.
    pub issuer: String,
    /// Whom the issuer means: `sub`. Unique and never reused within the issuer.
    pub subject: String,
    /// The address that the provider has verified. An unverified one is as good as none.
    pub verified_email: Option<EmailAddress>,
    /// The name, if there is one that can be shown.
    pub name: Option<DisplayName>,
}
