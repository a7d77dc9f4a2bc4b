//! Which addresses an outgoing request may reach.
//!
//! Customers choose where webhooks go, so a request must never reach a machine that only we can reach. The rule is a
//! deny list of every block in the IANA special-purpose registries (RFC 6890 and successors), and for IPv6 an allow
//! list besides: only global unicast (`2000::/3`) and the well-known NAT64 prefix in front of a public IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use url::{Host, Url};

/// Special-purpose IPv4 blocks: address and prefix length.
const SPECIAL_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // this network, RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // shared address space, RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback, RFC 1122
    (Ipv4Addr::new(168, 63, 129, 16), 32), // platform service of one cloud, reachable only from inside it
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, RFC 3927; cloud metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation, RFC 5737
    (Ipv4Addr::new(192, 31, 196, 0), 24),  // AS112, RFC 7535
    (Ipv4Addr::new(192, 52, 193, 0), 24),  // AMT, RFC 7450
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relay anycast, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private, RFC 1918
    (Ipv4Addr::new(192, 175, 48, 0), 24),  // AS112 direct delegation, RFC 7534
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarking, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved and limited broadcast, RFC 1112, RFC 8190
];

/// Special-purpose blocks inside global unicast; everything outside `2000::/3` is refused without a table.
const SPECIAL_V6: &[(Ipv6Addr, u32)] = &[
    // Protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID, AMT, AS112, drone identifiers.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),     // 6to4, carries any IPv4 address, RFC 3056
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112 direct delegation, RFC 7534
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),     // documentation, RFC 9637
];

const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks with DNS64 (RFC 6147) give this prefix for every host that has only IPv4, so it can't be refused as a whole.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether an address is one of the public internet.
///
/// Forms that carry an IPv4 address inside an IPv6 one (mapped, compatible, 6to4, Teredo, local NAT64) are refused
/// whatever they carry; the well-known NAT64 prefix is judged by the address inside.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) if inside_v6(v6, NAT64) => is_public_v4(nat64_target(v6)),
        IpAddr::V6(v6) => {
            inside_v6(v6, GLOBAL_UNICAST) && !SPECIAL_V6.iter().any(|block| inside_v6(v6, *block))
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|(block, length)| {
        let shift = 32 - length;
        address.to_bits() >> shift == block.to_bits() >> shift
    })
}

fn inside_v6(address: Ipv6Addr, (block, length): (Ipv6Addr, u32)) -> bool {
    let shift = 128 - length;
    address.to_bits() >> shift == block.to_bits() >> shift
}

fn nat64_target(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

/// Which addresses one request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AddressPolicy {
    /// Only the public internet: for every address that a customer chose.
    #[default]
    PublicOnly,
    /// The public internet and this machine: for vendors whose base address an operator set.
    AllowLoopback,
    /// Anything: for services that an operator named, inside the operator's own network.
    Any,
}

impl AddressPolicy {
    /// Whether a connection to the address is allowed.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::PublicOnly => is_public(address),
            Self::AllowLoopback => address.is_loopback() || is_public(address),
            Self::Any => true,
        }
    }

    /// Judges a URL before any look-up: scheme, userinfo, and the host as far as it is written in the URL.
    ///
    /// The `url` crate has already turned decimal, octal, hexadecimal and shortened IPv4 forms into addresses. A name
    /// that passes here must still be judged by what it resolves to; see [`AddressPolicy::allows`].
    ///
    /// # Errors
    /// The first rule that the URL breaks.
    pub fn check_url(self, url: &Url) -> Result<(), AddressRefusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressRefusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressRefusal::Userinfo);
        }
        let literal = match url.host() {
            None => return Err(AddressRefusal::NoHost),
            Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
            // RFC 6761: these names mean this machine, whatever a resolver says.
            Some(Host::Domain(name)) if self == Self::PublicOnly && is_localhost(name) => {
                return Err(AddressRefusal::LocalName);
            }
            Some(Host::Domain(_)) => return Ok(()),
        };
        if self.allows(literal) {
            Ok(())
        } else {
            Err(AddressRefusal::Address(literal))
        }
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name.len() > ".localhost".len()
            && name
                .get(name.len() - ".localhost".len()..)
                .is_some_and(|end| end.eq_ignore_ascii_case(".localhost"))
}

/// Why a URL or an address may not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressRefusal {
    /// Neither `http` nor `https`.
    #[error("scheme is not http or https")]
    Scheme,
    /// The URL has no host.
    #[error("URL has no host")]
    NoHost,
    /// A user name or password stands in the URL.
    #[error("URL holds a user name or password")]
    Userinfo,
    /// A name that means this machine.
    #[error("name means this machine")]
    LocalName,
    /// The address is not one that the policy allows.
    #[error("address {0} is not allowed")]
    Address(IpAddr),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    fn v4_forms(v4: Ipv4Addr) -> Vec<Ipv6Addr> {
        let [a, b, c, d] = v4.octets().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        vec![
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
        ]
    }

    #[test]
    fn refuses_first_middle_and_last_of_every_special_v4_block_in_every_form() {
        for (block, length) in SPECIAL_V4 {
            let size = u32::MAX.checked_shr(*length).unwrap_or(0);
            for offset in [0, size / 2, size] {
                let v4 = Ipv4Addr::from_bits(block.to_bits() + offset);
                assert!(!is_public(v4.into()), "{v4}");
                for form in v4_forms(v4) {
                    assert!(!is_public(form.into()), "{form} carries {v4}");
                }
            }
        }
    }

    #[test]
    fn allows_the_neighbours_of_special_v4_blocks() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "8.8.8.8",
        ] {
            assert!(public(text), "{text}");
        }
    }

    #[test]
    fn refuses_special_v6_blocks() {
        for text in [
            "::",
            "::1",
            "::2",
            "100::1",
            "64:ff9b:1::808:808",
            "2001::1",
            "2001:1ff:ffff::",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "2002:808:808::1",
            "2620:4f:8000::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    #[test]
    fn allows_global_unicast_v6() {
        for text in [
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00::1",
            "3ffe::1",
            "64:ff9b::808:808",
        ] {
            assert!(public(text), "{text}");
        }
    }

    #[test]
    fn odd_spellings_of_private_hosts_are_refused() {
        for text in [
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://①②⑦.0.0.1/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://db.localhost/",
            "http://0/",
            "https://169.254.169.254/latest/meta-data",
            "http://user@93.184.216.34/",
            "http://:pw@93.184.216.34/",
            "ftp://93.184.216.34/",
            "file:///etc/passwd",
            "data:text/plain,x",
        ] {
            let url = Url::parse(text).unwrap();
            assert!(AddressPolicy::PublicOnly.check_url(&url).is_err(), "{text}");
        }
        for text in [
            "https://hooks.example.test/x",
            "http://93.184.216.34:8080/",
            "https://notlocalhost/",
        ] {
            assert_eq!(
                AddressPolicy::PublicOnly.check_url(&Url::parse(text).unwrap()),
                Ok(()),
                "{text}"
            );
        }
    }

    #[test]
    fn loopback_policy_opens_only_this_machine() {
        let policy = AddressPolicy::AllowLoopback;
        for (text, allowed) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("8.8.8.8", true),
            ("10.0.0.1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(policy.allows(text.parse().unwrap()), allowed, "{text}");
        }
        assert!(AddressPolicy::Any.allows("10.0.0.1".parse().unwrap()));
    }
}
