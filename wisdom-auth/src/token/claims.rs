//! What an access token says.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use wisdom_core::id::{Id, Kind, SessionId, TenantId, UserId};
use wisdom_core::time::Timestamp;

use super::wire::{TokenFault, object};

const MAX_JTI: usize = 64;

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

/// The claims of a token whose signature was proven.
#[derive(Debug, PartialEq, Eq)]
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

/// The claims we know, each of its type. Times are whole seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
    sub: UserId,
    sid: SessionId,
    #[serde(rename = "gen")]
    generation: i64,
    // Absent or an id, never `null`.
    #[serde(default, deserialize_with = "present")]
    tid: Option<TenantId>,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    auth_time: i64,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TenantId>, D::Error> {
    TenantId::deserialize(deserializer).map(Some)
}

impl ReadClaims {
    /// Reads claims. No member may come twice, at any depth; members we do not know are passed over.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, TokenFault> {
        match serde_json::from_slice::<Known<'_>>(bytes) {
            Ok(known) => known.check(),
            // Something is wrong, or there is a member of a later version: a slower reader tells.
            Err(_) => Known::of(&object(bytes, TokenFault::Claims)?)?.check(),
        }
    }
}

impl<'a> Known<'a> {
    fn of(claims: &'a Map<String, Value>) -> Result<Self, TokenFault> {
        let tid = if claims.contains_key("tid") {
            Some(id(claims, "tid")?)
        } else {
            None
        };
        Ok(Self {
            iss: text(claims, "iss")?.into(),
            aud: text(claims, "aud")?.into(),
            sub: id(claims, "sub")?,
            sid: id(claims, "sid")?,
            generation: number(claims, "gen")?,
            tid,
            iat: number(claims, "iat")?,
            nbf: number(claims, "nbf")?,
            exp: number(claims, "exp")?,
            jti: text(claims, "jti")?.into(),
            auth_time: number(claims, "auth_time")?,
        })
    }

    fn check(self) -> Result<ReadClaims, TokenFault> {
        let read = ReadClaims {
            issuer: self.iss.into_owned(),
            audience: self.aud.into_owned(),
            user: self.sub,
            session: self.sid,
            generation: self.generation,
            tenant: self.tid,
            issued_at: time(self.iat)?,
            not_before: time(self.nbf)?,
            expires_at: time(self.exp)?,
            authenticated_at: time(self.auth_time)?,
        };
        let ordered = read.issued_at < read.expires_at
            && read.not_before < read.expires_at
            && read.authenticated_at <= read.issued_at;
        if self.jti.is_empty() || self.jti.len() > MAX_JTI || self.generation <= 0 || !ordered {
            return Err(TokenFault::Claims);
        }
        Ok(read)
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, TokenFault> {
    claims.get(name).and_then(Value::as_str).ok_or(TokenFault::Claims)
}

fn id<K: Kind>(claims: &Map<String, Value>, name: &str) -> Result<Id<K>, TokenFault> {
    text(claims, name)?.parse().map_err(|_| TokenFault::Claims)
}

/// A whole number; a text or a fraction is none.
fn number(claims: &Map<String, Value>, name: &str) -> Result<i64, TokenFault> {
    claims.get(name).and_then(Value::as_i64).ok_or(TokenFault::Claims)
}

/// A time that is not before 1970 nor after the year 9999.
fn time(seconds: i64) -> Result<Timestamp, TokenFault> {
    let seconds = Some(seconds).filter(|seconds| *seconds >= 0);
    seconds
        .and_then(Timestamp::from_unix_seconds)
        .ok_or(TokenFault::Claims)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Map<String, Value> {
        let claims = json!({
            "iss": "https://id.example.test", "aud": "wisdom",
            "sub": UserId::from_uuid(uuid::Uuid::from_u128(1)),
            "sid": SessionId::from_uuid(uuid::Uuid::from_u128(2)),
            "gen": 3, "iat": 1000, "nbf": 1000, "exp": 1600, "jti": "x", "auth_time": 900,
        });
        let Value::Object(claims) = claims else {
            unreachable!()
        };
        claims
    }

    fn fast(bytes: &[u8]) -> Option<Result<ReadClaims, TokenFault>> {
        serde_json::from_slice::<Known<'_>>(bytes).ok().map(Known::check)
    }

    fn slow(bytes: &[u8]) -> Result<ReadClaims, TokenFault> {
        Known::of(&object(bytes, TokenFault::Claims)?)?.check()
    }

    #[test]
    fn both_readers_read_alike() {
        let values = [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1600),
            json!(1.5),
            json!(1e3),
            json!(1e300),
            json!(i64::MAX),
            json!(u64::MAX),
            json!("1600"),
            json!(""),
            json!("a\u{e9}\n\""),
            json!([]),
            json!([1000]),
            json!({}),
            json!(UserId::from_uuid(uuid::Uuid::from_u128(9))),
            json!(TenantId::from_uuid(uuid::Uuid::from_u128(9))),
        ];
        let names: Vec<String> = good()
            .keys()
            .cloned()
            .chain(["tid".to_owned(), "new".to_owned()])
            .collect();
        let (mut quick, mut taken) = (0, 0);
        for name in &names {
            let mut without = good();
            without.remove(name);
            let mut texts = vec![Value::Object(without).to_string()];
            for value in &values {
                let mut claims = good();
                claims.insert(name.clone(), value.clone());
                let text = Value::Object(claims).to_string();
                texts.push(format!("{},\"{name}\":{value}}}", &text[..text.len() - 1]));
                texts.push(text);
            }
            for text in texts {
                let slowly = slow(text.as_bytes());
                if let Some(read) = fast(text.as_bytes()) {
                    assert_eq!(read, slowly, "{text}");
                    quick += 1;
                }
                assert_eq!(ReadClaims::read(text.as_bytes()), slowly, "{text}");
                taken += usize::from(slowly.is_ok());
            }
        }
        assert!(quick > 20 && taken > quick / 2, "{quick} {taken}");
        for text in ["", " ", "{}", "[]", "null", "{", "{}{}"] {
            assert!(ReadClaims::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_we_write_is_read_quickly_and_what_a_later_version_adds_is_passed_over() {
        let mut claims = good();
        claims.insert("tid".into(), json!(TenantId::from_uuid(uuid::Uuid::from_u128(9))));
        let text = Value::Object(claims.clone()).to_string();
        let read = fast(text.as_bytes()).unwrap().unwrap();
        assert_eq!(read.tenant, Some(TenantId::from_uuid(uuid::Uuid::from_u128(9))));
        claims.insert("new".into(), json!({ "a": [1] }));
        let text = Value::Object(claims).to_string();
        assert!(fast(text.as_bytes()).is_none());
        assert_eq!(ReadClaims::read(text.as_bytes()), Ok(read));
        let twice = text.replace(r#"{"a":[1]}"#, r#"{"a":[1],"a":2}"#);
        assert_ne!(twice, text);
        assert_eq!(ReadClaims::read(twice.as_bytes()), Err(TokenFault::Claims));
    }
}
