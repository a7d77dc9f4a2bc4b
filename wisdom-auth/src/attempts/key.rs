//! Whom failures are counted of.

use std::net::{IpAddr, Ipv6Addr};

use aws_lc_rs::digest::{Context, SHA256};
use wisdom_core::id::UserId;
use wisdom_core::value::EmailAddress;

/// The kind of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A user, for everybody.
    User,
    /// A user, for their known devices.
    Devices,
    /// An address that nobody has.
    Unknown,
    /// A source.
    Source,
}

impl KeyKind {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Devices => "devices",
            Self::Unknown => "unknown",
            Self::Source => "source",
        }
    }
}

/// A counter's key: its kind and a hash, since storage need not hold who tried what from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptKey {
    kind: KeyKind,
    hash: [u8; 32],
}

impl AttemptKey {
    /// A user's, for everybody.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self::of(KeyKind::User, user.as_uuid().as_bytes())
    }

    /// A user's, for their known devices.
    #[must_use]
    pub fn devices(user: UserId) -> Self {
        Self::of(KeyKind::Devices, user.as_uuid().as_bytes())
    }

    /// That of an address that nobody has.
    #[must_use]
    pub fn unknown(address: &EmailAddress) -> Self {
        Self::of(KeyKind::Unknown, address.lookup_key().as_bytes())
    }

    /// A source's. All addresses of one IPv6 /64 are one.
    #[must_use]
    pub fn source(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::of(KeyKind::Source, &v4.octets()),
            IpAddr::V6(v6) => {
                let network = Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX));
                Self::of(KeyKind::Source, &network.octets())
            }
        }
    }

    fn of(kind: KeyKind, value: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        // Kinds have different names, and each is closed by a byte that is in none.
        context.update(kind.as_str().as_bytes());
        context.update(&[0]);
        context.update(value);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self { kind, hash }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The hash that it is stored under.
    #[must_use]
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn one_ipv6_network_is_one_source_and_kinds_never_meet() {
        let source = |text: &str| AttemptKey::source(text.parse().unwrap());
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        let user = UserId::from_uuid(Uuid::from_u128(7));
        assert_ne!(AttemptKey::user(user).hash(), AttemptKey::devices(user).hash());
        let address = |text| EmailAddress::parse(text).unwrap();
        assert_eq!(
            AttemptKey::unknown(&address("A@example.test")),
            AttemptKey::unknown(&address("a@EXAMPLE.test"))
        );
    }
}
