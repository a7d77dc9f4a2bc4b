//! The text of an access token: a JWT (RFC 7519) of type `at+jwt` (RFC 9068), read strictly (RFC 8725).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;
use wisdom_core::id::{Id, Kind, SessionId, SigningKeyId, TenantId, UserId};
use wisdom_core::time::Timestamp;

/// Longest token looked at; ours have about 500 characters.
const MAX_LENGTH: usize = 4096;
const MAX_JTI: usize = 64;
/// The `typ` of access tokens: no other kind of token is taken for one.
pub(super) const TYPE: &str = "at+jwt";

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
    pub(super) alg: &'static str,
    pub(super) typ: &'static str,
    pub(super) kid: SigningKeyId,
}

/// The claims of tokens we make. Times are whole seconds.
#[derive(Debug, Serialize)]
pub(super) struct NewClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    pub(super) sub: UserId,
    pub(super) sid: SessionId,
    #[serde(rename = "gen")]
    pub(super) generation: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tid: Option<TenantId>,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
    pub(super) jti: String,
    pub(super) auth_time: i64,
}

/// A token in its parts. Nothing in it is proven.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    /// What the signature is over: header, dot, claims.
    pub(super) message: &'a str,
    header: &'a str,
    claims: &'a str,
    pub(super) signature: &'a str,
}

/// What an unproven header says.
#[derive(Debug)]
pub(super) struct ReadHeader {
    pub(super) algorithm: String,
    pub(super) kid: SigningKeyId,
}

/// The claims of a token whose signature was proven.
#[derive(Debug)]
pub(super) struct ReadClaims {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) generation: i64,
    pub(super) tenant: Option<TenantId>,
    pub(super) issued_at: Timestamp,
    pub(super) not_before: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) authenticated_at: Timestamp,
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

    pub(super) fn header(&self) -> Result<ReadHeader, TokenFault> {
        let header = object(self.header, TokenFault::Header)?;
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

    pub(super) fn claims(&self) -> Result<ReadClaims, TokenFault> {
        let claims = object(self.claims, TokenFault::Claims)?;
        let jti = text(&claims, "jti")?;
        let tenant = if claims.contains_key("tid") {
            Some(id(&claims, "tid")?)
        } else {
            None
        };
        let generation = claims.get("gen").and_then(Value::as_i64).filter(|g| *g > 0);
        let read = ReadClaims {
            issuer: text(&claims, "iss")?.to_owned(),
            audience: text(&claims, "aud")?.to_owned(),
            user: id(&claims, "sub")?,
            session: id(&claims, "sid")?,
            generation: generation.ok_or(TokenFault::Claims)?,
            tenant,
            issued_at: time(&claims, "iat")?,
            not_before: time(&claims, "nbf")?,
            expires_at: time(&claims, "exp")?,
            authenticated_at: time(&claims, "auth_time")?,
        };
        let ordered = read.issued_at < read.expires_at
            && read.not_before < read.expires_at
            && read.authenticated_at <= read.issued_at;
        if jti.is_empty() || jti.len() > MAX_JTI || !ordered {
            return Err(TokenFault::Claims);
        }
        Ok(read)
    }
}

/// Reads a part as a JSON object in which no member comes twice.
fn object(part: &str, fault: TokenFault) -> Result<Map<String, Value>, TokenFault> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Form)?;
    match wisdom_core::json::parse(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(fault),
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, TokenFault> {
    claims.get(name).and_then(Value::as_str).ok_or(TokenFault::Claims)
}

fn id<K: Kind>(claims: &Map<String, Value>, name: &str) -> Result<Id<K>, TokenFault> {
    text(claims, name)?.parse().map_err(|_| TokenFault::Claims)
}

/// A whole number of seconds; a text, a fraction, or a time after the year 9999 is none.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Timestamp, TokenFault> {
    let seconds = claims
        .get(name)
        .and_then(Value::as_i64)
        .filter(|seconds| *seconds >= 0);
    seconds
        .and_then(Timestamp::from_unix_seconds)
        .ok_or(TokenFault::Claims)
}
