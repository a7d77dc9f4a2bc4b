//! Identifiers: a UUIDv7 in storage, a prefixed text outside.
//!
//! The text form is a [TypeID](https://github.com/jetify-com/typeid/tree/main/spec) (version 0.3): a prefix that
//! names the kind, an underscore and 26 characters of lower-case Crockford base32. One id has exactly one text, so a
//! text may serve as a key.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::value::deserialize_text;

mod source;

pub use source::{IdSource, IdSourceExt, ManualIds, SystemIds};

/// Crockford base32 in lower case; its byte order is its value order, so texts sort as their ids do.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters behind the underscore: 26 × 5 bits hold 128 bits and two leading zero bits.
const SUFFIX_LENGTH: usize = 26;
/// Longest prefix the TypeID specification allows.
const MAX_PREFIX_LENGTH: usize = 63;
/// Longest text of any id, in bytes.
pub const MAX_ID_TEXT: usize = MAX_PREFIX_LENGTH + 1 + SUFFIX_LENGTH;
/// Marks a byte that is not in the alphabet.
const INVALID: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [INVALID; 256];
    let mut value: u8 = 0;
    while value < 32 {
        values[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// What an id identifies. Implemented by marker types that are never constructed.
///
/// An embedder adds ids of its own by implementing this for a type of its own.
pub trait Kind: Send + Sync + 'static {
    /// Prefix of the text form: 1 to 63 characters of `a` to `z`, checked when the program is compiled.
    const PREFIX: &'static str;
    /// What messages call it, such as `"signing key"`.
    const NAME: &'static str;
}

/// Identifier of one `K`.
///
/// 128 bits; ids made by an [`IdSource`] sort by the millisecond they were made in. That order is no order of commits:
/// never use an id as a cursor for changes.
pub struct Id<K: Kind> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Id<K> {
    const PREFIX_IS_VALID: () = {
        let prefix = K::PREFIX.as_bytes();
        assert!(
            !prefix.is_empty() && prefix.len() <= MAX_PREFIX_LENGTH,
            "an id prefix has 1 to 63 characters"
        );
        let mut at = 0;
        while at < prefix.len() {
            assert!(
                prefix[at].is_ascii_lowercase(),
                "an id prefix has only the letters a to z"
            );
            at += 1;
        }
    };

    /// Takes any UUID as an id of this kind.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        let () = Self::PREFIX_IS_VALID;
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    /// The UUID as stored.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        self.uuid
    }

    /// The text, written into the buffer: for hot paths, without allocation and formatter.
    pub fn encode<'b>(&self, buffer: &'b mut [u8; MAX_ID_TEXT]) -> &'b str {
        let prefix = K::PREFIX.as_bytes();
        let end = prefix.len() + 1 + SUFFIX_LENGTH;
        let (head, suffix) = buffer[..end].split_at_mut(prefix.len() + 1);
        head[..prefix.len()].copy_from_slice(prefix);
        head[prefix.len()] = b'_';
        let mut rest = self.uuid.as_u128();
        for place in suffix.iter_mut().rev() {
            *place = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        // ASCII by construction.
        std::str::from_utf8(&buffer[..end]).unwrap_or_default()
    }
}

impl<K: Kind> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind> Copy for Id<K> {}

impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<K: Kind> Eq for Id<K> {}

impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<K: Kind> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.encode(&mut [0; MAX_ID_TEXT]))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.encode(&mut [0; MAX_ID_TEXT]))
    }
}

/// Why a text is not an id of the kind asked for. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text does not begin with the prefix and an underscore; it may be an id of another kind.
    #[error("must be an id that begins with \"{expected}_\"")]
    Prefix {
        /// The prefix this kind has.
        expected: &'static str,
    },
    /// There are not exactly 26 characters behind the underscore.
    #[error("must have 26 characters after \"{expected}_\"")]
    Length {
        /// The prefix this kind has.
        expected: &'static str,
    },
    /// A character is not in the lower-case Crockford base32 alphabet.
    #[error("must have only digits and lower-case letters other than i, l, o and u after \"{expected}_\"")]
    Character {
        /// The prefix this kind has.
        expected: &'static str,
    },
    /// The value does not fit into 128 bits.
    #[error("must have a digit from 0 to 7 after \"{expected}_\"")]
    TooLarge {
        /// The prefix this kind has.
        expected: &'static str,
    },
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let expected = K::PREFIX;
        let suffix = text
            .strip_prefix(expected)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(IdError::Prefix { expected })?
            .as_bytes();
        if suffix.len() != SUFFIX_LENGTH {
            return Err(IdError::Length { expected });
        }
        let mut bits: u128 = 0;
        for (at, byte) in suffix.iter().enumerate() {
            let value = VALUES[usize::from(*byte)];
            if value == INVALID {
                return Err(IdError::Character { expected });
            }
            if at == 0 && value > 7 {
                return Err(IdError::TooLarge { expected });
            }
            bits = (bits << 5) | u128::from(value);
        }
        Ok(Self::from_uuid(Uuid::from_u128(bits)))
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.encode(&mut [0; MAX_ID_TEXT]))
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, "an id as text")
    }
}

impl<K: Kind> JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Id_{}", K::PREFIX).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", K::PREFIX),
            "description": format!("Id of one {}", K::NAME),
        })
    }
}

macro_rules! kinds {
    ($($kind:ident, $alias:ident, $prefix:literal, $name:literal;)+) => {
        /// The kinds of things Wisdom itself gives ids to. They exist only as type arguments.
        pub mod kind {
            $(
                #[doc = concat!("Kind of [`", stringify!($alias), "`](super::", stringify!($alias), ").")]
                #[derive(Debug)]
                pub struct $kind;

                impl super::Kind for $kind {
                    const PREFIX: &'static str = $prefix;
                    const NAME: &'static str = $name;
                }
            )+

            #[cfg(test)]
            pub(super) const ALL: &[(&str, &str)] = &[$(($prefix, $name)),+];
        }

        $(
            #[doc = concat!("Id of one ", $name, "; its text begins with `", $prefix, "_`.")]
            pub type $alias = Id<kind::$kind>;
        )+
    };
}

kinds! {
    User, UserId, "usr", "user";
    Tenant, TenantId, "tnt", "tenant";
    Membership, MembershipId, "mem", "membership";
    Invitation, InvitationId, "inv", "invitation";
    Session, SessionId, "ses", "session";
    Event, EventId, "evt", "event";
    Endpoint, EndpointId, "whe", "webhook endpoint";
    Delivery, DeliveryId, "dlv", "webhook delivery";
    Audit, AuditId, "aud", "audit entry";
    Request, RequestId, "req", "request";
    ExternalIdentity, ExternalIdentityId, "idn", "external identity";
    Passkey, PasskeyId, "pky", "passkey";
    SigningKey, SigningKeyId, "key", "signing key";
    Mail, MailId, "eml", "mail";
    ApiKey, ApiKeyId, "akey", "API key";
    Client, ClientId, "svc", "service client";
    Impersonation, ImpersonationId, "imp", "impersonation";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn id(uuid: &str) -> UserId {
        UserId::from_uuid(uuid.parse().unwrap())
    }

    #[test]
    fn text_agrees_with_the_typeid_vectors() {
        for (uuid, suffix) in [
            (
                "00000000-0000-0000-0000-000000000000",
                "00000000000000000000000000",
            ),
            (
                "00000000-0000-0000-0000-000000000001",
                "00000000000000000000000001",
            ),
            (
                "00000000-0000-0000-0000-00000000000a",
                "0000000000000000000000000a",
            ),
            (
                "00000000-0000-0000-0000-000000000010",
                "0000000000000000000000000g",
            ),
            (
                "00000000-0000-0000-0000-000000000020",
                "00000000000000000000000010",
            ),
            (
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
                "7zzzzzzzzzzzzzzzzzzzzzzzzz",
            ),
            (
                "0110c853-1d09-52d8-d73e-1194e95b5f19",
                "0123456789abcdefghjkmnpqrs",
            ),
            (
                "01890a5d-ac96-774b-bcce-b302099a8057",
                "01h455vb4pex5vsknk084sn02q",
            ),
        ] {
            let text = format!("usr_{suffix}");
            assert_eq!(id(uuid).to_string(), text);
            assert_eq!(text.parse::<UserId>().unwrap(), id(uuid));
        }
    }

    #[test]
    fn display_pads_and_debug_shows_the_text() {
        let id = id("01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(format!("{id:?}"), "usr_01h455vb4pex5vsknk084sn02q");
        assert_eq!(format!("{id:>32}"), "  usr_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn only_the_one_canonical_text_is_taken() {
        let expected = "usr";
        for (text, error) in [
            ("", IdError::Prefix { expected }),
            ("usr", IdError::Prefix { expected }),
            ("tnt_01h455vb4pex5vsknk084sn02q", IdError::Prefix { expected }),
            ("USR_01h455vb4pex5vsknk084sn02q", IdError::Prefix { expected }),
            (
                "01890a5d-ac96-774b-bcce-b302099a8057",
                IdError::Prefix { expected },
            ),
            ("usr_", IdError::Length { expected }),
            ("usr_01h455vb4pex5vsknk084sn02", IdError::Length { expected }),
            ("usr_01h455vb4pex5vsknk084sn02q ", IdError::Length { expected }),
            ("usr_01H455VB4PEX5VSKNK084SN02Q", IdError::Character { expected }),
            ("usr_01h455vb4pex5vsknk084sn0il", IdError::Character { expected }),
            (
                "usr_01h455vb4pex5vsknk084sn02\u{0}",
                IdError::Character { expected },
            ),
            ("usr_81h455vb4pex5vsknk084sn02q", IdError::TooLarge { expected }),
        ] {
            assert_eq!(text.parse::<UserId>(), Err(error), "{text:?}");
            assert!(error.to_string().contains("usr_"));
        }
    }

    #[test]
    fn json_is_the_text_and_the_schema_is_inline() {
        let id = id("01890a5d-ac96-774b-bcce-b302099a8057");
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"usr_01h455vb4pex5vsknk084sn02q\"");
        assert_eq!(serde_json::from_str::<UserId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<TenantId>(&json).is_err());
        let schema = schemars::schema_for!(Vec<UserId>);
        assert_eq!(
            schema
                .pointer("/items/pattern")
                .and_then(|pattern| pattern.as_str()),
            Some("^usr_[0-7][0-9a-hjkmnp-tv-z]{25}$")
        );
    }

    #[test]
    fn no_two_kinds_share_a_prefix_or_a_name() {
        let prefixes: BTreeSet<_> = kind::ALL.iter().map(|(prefix, _)| prefix).collect();
        let names: BTreeSet<_> = kind::ALL.iter().map(|(_, name)| name).collect();
        assert_eq!(prefixes.len(), kind::ALL.len());
        assert_eq!(names.len(), kind::ALL.len());
    }

    proptest! {
        #[test]
        fn text_round_trips_and_sorts_as_the_bits_do(left: u128, right: u128) {
            let (left, right) =
                (TenantId::from_uuid(Uuid::from_u128(left)), TenantId::from_uuid(Uuid::from_u128(right)));
            prop_assert_eq!(left.to_string().parse::<TenantId>().unwrap(), left);
            prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        }

        #[test]
        fn what_parses_prints_back_the_same(text in "usr_[0-9a-zA-Z]{26}") {
            if let Ok(id) = text.parse::<UserId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
