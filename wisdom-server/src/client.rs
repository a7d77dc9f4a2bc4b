//! Which address a request comes from.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HeaderName;

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const FORWARDED: HeaderName = http::header::FORWARDED;

/// The client's address: the peer, or, when the peer is a trusted proxy, the rightmost address of `X-Forwarded-For`
/// that is not one. Whatever stands left of that was written by the client and is not believed.
pub(crate) fn address(trusted: &[IpAddr], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() || !trusted.contains(&peer) {
        return peer;
    }
    let mut nearest = peer;
    for line in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        let Ok(text) = line.to_str() else { return nearest };
        for hop in text.rsplit(',') {
            let Some(address) = hop_address(hop.trim()) else {
                return nearest;
            };
            nearest = address;
            if !trusted.contains(&address) {
                return nearest;
            }
        }
    }
    nearest
}

/// Proxies write bare addresses; some add a port, and brackets around IPv6.
fn hop_address(text: &str) -> Option<IpAddr> {
    let bare = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<std::net::SocketAddr>().map(|a| a.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    bare.ok().or_else(bracketed).map(|address| address.to_canonical())
}

/// Whether the request comes from this machine itself and was not passed on by a proxy here.
pub(crate) fn is_local(peer: IpAddr, headers: &HeaderMap) -> bool {
    peer.to_canonical().is_loopback()
        && !headers.contains_key(X_FORWARDED_FOR)
        && !headers.contains_key(FORWARDED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(trusted: &[&str], peer: &str, lines: &[&str]) -> String {
        let trusted: Vec<IpAddr> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        address(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        assert_eq!(seen(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(seen(&["192.0.2.9"], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn the_rightmost_untrusted_hop_counts() {
        let trusted = ["192.0.2.1", "192.0.2.2"];
        assert_eq!(
            seen(&trusted, "192.0.2.1", &["10.0.0.1, 198.51.100.7, 192.0.2.2"]),
            "198.51.100.7"
        );
        assert_eq!(
            seen(&trusted, "192.0.2.1", &["10.0.0.1", "198.51.100.7:5555"]),
            "198.51.100.7"
        );
        assert_eq!(
            seen(&trusted, "::ffff:192.0.2.1", &["[2001:db8::1]"]),
            "2001:db8::1"
        );
        assert_eq!(seen(&trusted, "192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(
            seen(&trusted, "192.0.2.1", &["198.51.100.7, unknown"]),
            "192.0.2.1"
        );
    }
}
