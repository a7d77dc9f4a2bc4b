//! The text of an access token: a JWT (RFC 7519) of type `at+jwt` (RFC 9068), read strictly (RFC 8725).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;
use wisdom_core::id::SigningKeyId;

use super::claims::ReadClaims;
use super::key::{KeyError, SigningAlgorithm};

/// Longest token looked at; ours have about 500 characters.
const MAX_LENGTH: usize = 4096;
/// The `typ` of access tokens: no other kind of token is taken for one.
const TYPE: &str = "at+jwt";

/// Parameters that would let a token say how it is to be verified, or what else it is.
const FORBIDDEN: [&str; 10] = [
    "crit", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "zip", "enc",
];

/// What is wrong with a token: for metrics and tests, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenFault {
    /// Not three parts of canonical base64url, or too long.
    Form,
    /// The header is not what ours are.
    Header,
    /// The header names another algorithm than the key's.
    Algorithm,
    /// It is signed with no key of ours, or with one that has ended.
    Key,
    /// The signature is not the key's.
    Signature,
    /// A claim is missing, of another type, or out of range.
    Claims,
    /// From another issuer or for another audience.
    Party,
    /// Not valid yet.
    Early,
    /// Not valid any more.
    Expired,
}

impl TokenFault {
    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Party => "party",
            Self::Early => "early",
            Self::Expired => "expired",
        }
    }
}

/// The access token is not valid. Its message is the same for every fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the access token is not valid")]
pub struct TokenError(TokenFault);

impl TokenError {
    /// What is wrong with it.
    #[must_use]
    pub const fn fault(self) -> TokenFault {
        self.0
    }
}

impl From<TokenFault> for TokenError {
    fn from(fault: TokenFault) -> Self {
        Self(fault)
    }
}

/// The header of tokens we make.
#[derive(Debug, Serialize)]
pub(super) struct Header {
    alg: &'static str,
    typ: &'static str,
    kid: SigningKeyId,
}

impl Header {
    pub(super) const fn new(algorithm: SigningAlgorithm, kid: SigningKeyId) -> Self {
        Self {
            alg: algorithm.as_str(),
            typ: TYPE,
            kid,
        }
    }

    /// The first part of a token.
    pub(super) fn encode(&self) -> Result<String, KeyError> {
        let mut text = String::new();
        encode(self, &mut text)?;
        Ok(text)
    }
}

/// Appends a part of a token.
pub(super) fn encode(part: &impl Serialize, into: &mut String) -> Result<(), KeyError> {
    let json = serde_json::to_vec(part).map_err(|_| KeyError::Library)?;
    URL_SAFE_NO_PAD.encode_string(json, into);
    Ok(())
}

/// A token in its parts. Nothing in it is proven.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    /// What the signature is over: header, dot, claims.
    pub(super) message: &'a str,
    pub(super) header: &'a str,
    claims: &'a str,
    pub(super) signature: &'a str,
}

/// What an unproven header says.
#[derive(Debug)]
pub(super) struct ReadHeader {
    pub(super) algorithm: String,
    pub(super) kid: SigningKeyId,
}

impl<'a> Parts<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, TokenFault> {
        if token.len() > MAX_LENGTH {
            return Err(TokenFault::Form);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Form)?;
        let (header, claims) = message.split_once('.').ok_or(TokenFault::Form)?;
        if claims.contains('.') || header.is_empty() || claims.is_empty() || signature.is_empty() {
            return Err(TokenFault::Form);
        }
        Ok(Self {
            message,
            header,
            claims,
            signature,
        })
    }

    pub(super) fn read_header(&self) -> Result<ReadHeader, TokenFault> {
        let bytes = URL_SAFE_NO_PAD
            .decode(self.header)
            .map_err(|_| TokenFault::Form)?;
        let header = object(&bytes, TokenFault::Header)?;
        if FORBIDDEN.iter().any(|name| header.contains_key(*name))
            || header.get("typ") != Some(&Value::from(TYPE))
        {
            return Err(TokenFault::Header);
        }
        let algorithm = header
            .get("alg")
            .and_then(Value::as_str)
            .ok_or(TokenFault::Header)?
            .to_owned();
        let kid = header
            .get("kid")
            .and_then(Value::as_str)
            .ok_or(TokenFault::Header)?;
        Ok(ReadHeader {
            algorithm,
            kid: kid.parse().map_err(|_| TokenFault::Key)?,
        })
    }

    /// Only of a token whose signature was proven.
    pub(super) fn read_claims(&self) -> Result<ReadClaims, TokenFault> {
        let bytes = URL_SAFE_NO_PAD
            .decode(self.claims)
            .map_err(|_| TokenFault::Form)?;
        ReadClaims::read(&bytes)
    }
}

/// Reads JSON as an object in which no member comes twice.
pub(super) fn object(bytes: &[u8], fault: TokenFault) -> Result<Map<String, Value>, TokenFault> {
    match wisdom_core::json::parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(fault),
    }
}
