//! Whom a limit counts.

use std::net::{IpAddr, Ipv6Addr};

use uuid::Uuid;

use crate::id::TenantId;
use crate::port::cache::{BytesKey, KeyTooLong};

/// One counter of a policy: an address, a principal, a tenant, or what the caller names.
///
/// Built injectively, so that no choice of texts makes two different things share a counter. Keys of addresses and
/// ids, and short texts, need no allocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateKey(BytesKey);

const ADDRESS_4: u8 = 0;
const ADDRESS_6: u8 = 1;
const PRINCIPAL: u8 = 2;
const TENANT: u8 = 3;
const OTHER: u8 = 4;
const TENANT_OTHER: u8 = 5;

impl RateKey {
    /// Most bytes of a key, with two for each part.
    pub const MAX_BYTES: usize = 512;

    /// A client address. All addresses of one IPv6 /64 are one client; an IPv4 address that came in IPv6 form is
    /// counted as the IPv4 address.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::fixed(ADDRESS_4, &v4.octets()),
            IpAddr::V6(v6) => {
                let network = Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX));
                Self::fixed(ADDRESS_6, &network.octets())
            }
        }
    }

    /// Whoever a credential speaks for, by [`Principal::caller_id`](crate::context::Principal::caller_id).
    #[must_use]
    pub fn principal(caller: Uuid) -> Self {
        Self::fixed(PRINCIPAL, caller.as_bytes())
    }

    /// All calls of a tenant together.
    #[must_use]
    pub fn tenant(tenant: TenantId) -> Self {
        Self::fixed(TENANT, tenant.as_uuid().as_bytes())
    }

    /// A part of a tenant: `kind` says what it is (a route class, a meter), `parts` which one.
    ///
    /// # Errors
    /// When it takes more than [`RateKey::MAX_BYTES`].
    pub fn in_tenant(tenant: TenantId, kind: &str, parts: &[&[u8]]) -> Result<Self, KeyTooLong> {
        let uuid = tenant.as_uuid();
        Self::named(TENANT_OTHER, uuid.as_bytes(), kind, parts)
    }

    /// Something of no tenant: `kind` says what it is (a log-in identifier), `parts` which one.
    ///
    /// # Errors
    /// When it takes more than [`RateKey::MAX_BYTES`].
    pub fn other(kind: &str, parts: &[&[u8]]) -> Result<Self, KeyTooLong> {
        Self::named(OTHER, &[], kind, parts)
    }

    fn fixed(tag: u8, bytes: &[u8]) -> Self {
        let mut head = [tag; 17];
        let len = bytes.len().min(16);
        head[1..=len].copy_from_slice(&bytes[..len]);
        // 17 bytes always fit; the other branch can't be reached and still gives a key that limits.
        Self(BytesKey::build(&head[..=len], &[], Self::MAX_BYTES).unwrap_or_else(BytesKey::empty))
    }

    fn named(tag: u8, scope: &[u8], kind: &str, parts: &[&[u8]]) -> Result<Self, KeyTooLong> {
        let mut all: [&[u8]; 8] = [&[]; 8];
        let room = all.get_mut(2..2 + parts.len()).ok_or(KeyTooLong)?;
        room.copy_from_slice(parts);
        all[0] = scope;
        all[1] = kind.as_bytes();
        let used = all.get(..2 + parts.len()).unwrap_or(&all);
        BytesKey::build(&[tag], used, Self::MAX_BYTES)
            .map(Self)
            .ok_or(KeyTooLong)
    }

    /// The bytes that stand for this key in a store outside the process. Different keys have different bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    fn address(text: &str) -> RateKey {
        RateKey::address(text.parse().unwrap())
    }

    #[test]
    fn one_ipv6_network_is_one_client() {
        assert_eq!(
            address("2001:db8:1:2::1"),
            address("2001:db8:1:2:ffff:ffff:ffff:ffff")
        );
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[test]
    fn kinds_never_meet() {
        let uuid = Uuid::from_u128(0x2001_0db8_0001_0002 << 64);
        let keys = [
            address("2001:db8:1:2::"),
            address("32.1.13.184"),
            RateKey::principal(uuid),
            RateKey::tenant(TenantId::from_uuid(uuid)),
            RateKey::in_tenant(TenantId::from_uuid(uuid), "login", &[b"a"]).unwrap(),
            RateKey::in_tenant(TenantId::from_uuid(uuid), "logi", &[b"na"]).unwrap(),
            RateKey::other("login", &[b"a"]).unwrap(),
            RateKey::other("login", &[b"a", b""]).unwrap(),
            RateKey::other("login", &[uuid.as_bytes()]).unwrap(),
        ];
        let bytes: HashSet<&[u8]> = keys.iter().map(RateKey::as_bytes).collect();
        assert_eq!(bytes.len(), keys.len());
    }

    #[test]
    fn long_identifiers_fit_to_the_bound() {
        assert!(RateKey::other("login", &[&[b'x'; 500]]).is_ok());
        assert_eq!(RateKey::other("login", &[&[b'x'; 503]]), Err(KeyTooLong));
        assert_eq!(RateKey::other("login", &[b"".as_slice(); 7]), Err(KeyTooLong));
    }
}
