//! ID tokens (`OpenID` Connect Core 1.0, section 3.1.3.7), read strictly (RFC 8725).

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;
use wisdom_core::value::{DisplayName, EmailAddress};

use super::assertion::{Assertion, AssertionFault as Fault};
use super::key_set::{self, KeySet};

/// Longest ID token looked at.
const MAX_LENGTH: usize = 16 * 1024;
const MAX_SUBJECT: usize = 255;
/// How far the provider's clock may differ from ours.
const LEEWAY: Duration = Duration::from_secs(60);
/// How old an ID token may be that a code was just redeemed for.
const MAX_AGE: Duration = Duration::from_secs(600);
/// Parameters that would change how the token is read, or tell where to find a key for it.
const FORBIDDEN: [&str; 7] = ["crit", "b64", "zip", "enc", "jku", "jwk", "x5u"];

/// Which issuers a provider's tokens may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IssuerRule {
    /// Just this one.
    Exact(String),
    /// One for each directory, whose id stands between the two and is the token's `tid` (Microsoft).
    OfDirectory { before: String, after: String },
}

impl IssuerRule {
    /// Whether the provider's description writes it so.
    pub(super) fn is_written_as(&self, issuer: &str) -> bool {
        match self {
            Self::Exact(exact) => issuer == exact,
            Self::OfDirectory { before, after } => issuer
                .strip_prefix(before.as_str())
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .is_some_and(|id| id == "{tenantid}" || Uuid::try_parse(id).is_ok()),
        }
    }

    /// `iss` of the answer that came through the browser (RFC 9207, section 2.4).
    pub(super) fn check_answer(&self, issuer: Option<&str>, always_there: bool) -> Result<(), Fault> {
        match (issuer, self) {
            (None, _) if always_there => Err(Fault::Issuer),
            (Some(issuer), Self::Exact(exact)) if issuer != exact => Err(Fault::Issuer),
            _ => Ok(()),
        }
    }

    fn check_token(&self, issuer: &str, claims: &Map<String, Value>) -> Result<(), Fault> {
        let right = match self {
            Self::Exact(exact) => issuer == exact,
            Self::OfDirectory { before, after } => claims
                .get("tid")
                .and_then(Value::as_str)
                .filter(|tid| Uuid::try_parse(tid).is_ok())
                .is_some_and(|tid| issuer == format!("{before}{tid}{after}")),
        };
        if right { Ok(()) } else { Err(Fault::Issuer) }
    }
}

/// What an ID token is held against.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a IssuerRule,
    /// `iss` of the answer, if it came with one: it must be the token's.
    pub(super) answered: Option<&'a str>,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// The access token that came with it.
    pub(super) access_token: Option<&'a SecretText>,
}

/// An ID token in its parts. Nothing in it is proven.
#[derive(Debug)]
pub(super) struct IdToken<'a> {
    message: &'a str,
    claims: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    kid: Option<String>,
}

impl<'a> IdToken<'a> {
    pub(super) fn read(token: &'a str) -> Result<Self, Fault> {
        if token.len() > MAX_LENGTH {
            return Err(Fault::Form);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Fault::Form)?;
        let (header, claims) = message.split_once('.').ok_or(Fault::Form)?;
        if claims.contains('.') || signature.is_empty() {
            return Err(Fault::Form);
        }
        let header = object(header, Fault::Header)?;
        let typ = header.get("typ");
        let of_type = typ.is_none_or(|typ| typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")));
        if !of_type || FORBIDDEN.iter().any(|name| header.contains_key(*name)) {
            return Err(Fault::Header);
        }
        let algorithm = header
            .get("alg")
            .and_then(Value::as_str)
            .and_then(key_set::algorithm);
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(Fault::Header),
        };
        Ok(Self {
            message,
            claims,
            signature,
            algorithm: algorithm.ok_or(Fault::Algorithm)?,
            kid,
        })
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What it says, once all of it holds.
    pub(super) fn verify(
        &self,
        keys: &KeySet,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Assertion, Fault> {
        let key = keys.find(self.kid(), self.algorithm).ok_or(Fault::Key)?;
        if !key.verify(self.message, self.signature, self.algorithm) {
            return Err(Fault::Signature);
        }
        let claims = object(self.claims, Fault::Claims)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(Fault::Claims);
        let issuer = text("iss")?;
        expected.issuer.check_token(issuer, &claims)?;
        if expected.answered.is_some_and(|answered| answered != issuer) {
            return Err(Fault::Issuer);
        }
        audience(&claims, expected.client_id)?;
        let nonce: bool = text("nonce")?.as_bytes().ct_eq(expected.nonce.as_bytes()).into();
        if !nonce {
            return Err(Fault::Nonce);
        }
        times(&claims, now)?;
        if let Some(hash) = claims.get("at_hash") {
            self.access_token(hash, expected.access_token)?;
        }
        let subject = text("sub")?;
        if subject.is_empty()
            || subject.len() > MAX_SUBJECT
            || !subject.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        {
            return Err(Fault::Claims);
        }
        Ok(Assertion {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            verified_email: verified_email(&claims),
            name: name(&claims),
        })
    }

    /// `at_hash`: the left half of the hash that the algorithm names. For Ed25519 that is SHA-512.
    fn access_token(&self, hash: &Value, access_token: Option<&SecretText>) -> Result<(), Fault> {
        let named = hash.as_str().ok_or(Fault::Claims)?;
        let Some(access_token) = access_token else {
            return Err(Fault::AccessToken);
        };
        let algorithm = match self.algorithm {
            Algorithm::EdDSA => &digest::SHA512,
            _ => &digest::SHA256,
        };
        let digest = digest::digest(algorithm, access_token.expose().as_bytes());
        let half = &digest.as_ref()[..digest.as_ref().len() / 2];
        let same: bool = URL_SAFE_NO_PAD
            .encode(half)
            .as_bytes()
            .ct_eq(named.as_bytes())
            .into();
        if same { Ok(()) } else { Err(Fault::AccessToken) }
    }
}

/// We are the audience; with others beside us we must be the authorized party, and nobody else may be.
fn audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), Fault> {
    let (named, several) = match claims.get("aud") {
        Some(Value::String(one)) => (one == client_id, false),
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
            (all.iter().any(|one| one == client_id), all.len() > 1)
        }
        _ => return Err(Fault::Claims),
    };
    let party = match claims.get("azp") {
        None => !several,
        Some(Value::String(party)) => party == client_id,
        Some(_) => return Err(Fault::Claims),
    };
    if named && party {
        Ok(())
    } else {
        Err(Fault::Audience)
    }
}

fn times(claims: &Map<String, Value>, now: Timestamp) -> Result<(), Fault> {
    let time = |name: &str| {
        let seconds = claims
            .get(name)
            .and_then(Value::as_i64)
            .filter(|seconds| *seconds >= 0);
        seconds
            .and_then(Timestamp::from_unix_seconds)
            .ok_or(Fault::Claims)
    };
    let (issued, ends) = (time("iat")?, time("exp")?);
    let latest = now.saturating_add(LEEWAY);
    let early = claims.contains_key("nbf") && time("nbf")? > latest;
    if early || issued > latest || issued < now.saturating_sub(MAX_AGE.saturating_add(LEEWAY)) {
        return Err(Fault::Issued);
    }
    if now >= ends.saturating_add(LEEWAY) {
        return Err(Fault::Expired);
    }
    Ok(())
}

/// The address, if the provider has verified it: `email_verified`, or Microsoft's `xms_edov`, as a truth value. A text that
/// says `"true"` is none.
pub(super) fn verified_email(claims: &Map<String, Value>) -> Option<EmailAddress> {
    let says = |name: &str| claims.get(name) == Some(&Value::Bool(true));
    let denies = claims
        .get("email_verified")
        .is_some_and(|said| said != &Value::Bool(true));
    if denies || !(says("email_verified") || says("xms_edov")) {
        return None;
    }
    claims
        .get("email")
        .and_then(Value::as_str)
        .and_then(|text| EmailAddress::parse(text).ok())
}

pub(super) fn name(claims: &Map<String, Value>) -> Option<DisplayName> {
    let text = claims.get("name").and_then(Value::as_str)?;
    DisplayName::parse(text).ok()
}

/// Reads a part as a JSON object in which no member comes twice.
fn object(part: &str, fault: Fault) -> Result<Map<String, Value>, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Form)?;
    match wisdom_core::json::parse(&bytes) {
        Ok(Value::Object(members)) if !members.is_empty() => Ok(members),
        _ => Err(fault),
    }
}

#[cfg(test)]
mod tests;
