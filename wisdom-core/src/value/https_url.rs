//! Addresses that are called or linked to.

use url::{Host, Url};

use super::ValueError;

/// Longest URL in bytes, as given and as normalised.
const MAX_LENGTH: usize = 2048;

/// An absolute `https` URL with a host, without user name, password and fragment; `http` is taken when the host is
/// loopback (`localhost`, a name below it, `127.0.0.0/8`, `[::1]`), for development.
///
/// Says nothing about **where** the host leads: a name can resolve to a private address at any time, so the address
/// policy belongs to the HTTP client that connects. The text is the normalised form of the
/// [URL standard](https://url.spec.whatwg.org/).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpsUrl(Url);

impl HttpsUrl {
    /// Checks and normalises a URL.
    ///
    /// # Errors
    ///
    /// [`ValueError`] with rule `length`, `url`, `scheme`, `userinfo` or `fragment`.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        const FORM: ValueError =
            ValueError::new("url", "must be an absolute URL such as https://example.com/path");
        if text.len() > MAX_LENGTH {
            return Err(ValueError::new("length", "must be at most 2048 bytes"));
        }
        // The URL standard repairs these, and other programs may repair them to something else.
        if text.contains(|character: char| {
            character.is_control() || character.is_whitespace() || character == '\\'
        }) {
            return Err(FORM);
        }
        let (_, rest) = text.split_once("://").ok_or(FORM)?;
        if rest.starts_with('/') {
            return Err(FORM);
        }
        let url = Url::parse(text).map_err(|_| FORM)?;
        let host = url.host().ok_or(FORM)?;
        let allowed = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&host));
        if !allowed {
            return Err(ValueError::new("scheme", "must begin with https://"));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(ValueError::new(
                "userinfo",
                "must not have a user name or password",
            ));
        }
        if url.fragment().is_some() {
            return Err(ValueError::new("fragment", "must not have a fragment (#)"));
        }
        if url.as_str().len() > MAX_LENGTH {
            return Err(ValueError::new(
                "length",
                "must be at most 2048 bytes when percent-encoded",
            ));
        }
        Ok(Self(url))
    }

    /// The normalised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The parts.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

text_value!(HttpsUrl, expecting: "an https URL", schema: {
    "type": "string",
    "format": "uri",
    "maxLength": 2048,
    "pattern": "^[hH][tT][tT][pP][sS]?://",
    "description": "Absolute https URL without user name, password and fragment; http only for loopback hosts",
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn https_urls_are_normalised() {
        for (text, normal) in [
            ("https://example.test", "https://example.test/"),
            ("HTTPS://EXAMPLE.test:443/A?b=c", "https://example.test/A?b=c"),
            (
                "https://bücher.example:8443/ü",
                "https://xn--bcher-kva.example:8443/%C3%BC",
            ),
            ("https://example.test/a@b", "https://example.test/a@b"),
            ("http://localhost:3000/hook", "http://localhost:3000/hook"),
            ("http://app.localhost/", "http://app.localhost/"),
            ("http://127.0.0.1:1/", "http://127.0.0.1:1/"),
            ("http://2130706433/", "http://127.0.0.1/"),
            ("http://[::1]/", "http://[::1]/"),
        ] {
            let url = HttpsUrl::parse(text).unwrap();
            assert_eq!(url.as_str(), normal);
            assert_eq!(url.url().as_str(), normal);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, rule) in [
            ("", "url"),
            ("/path", "url"),
            ("example.test", "url"),
            ("https:example.test", "url"),
            ("https://", "url"),
            ("https:///example.test", "url"),
            ("https://exa mple.test", "url"),
            (" https://example.test", "url"),
            ("https://example.test\n", "url"),
            ("https://exa\tmple.test", "url"),
            ("https:\\\\example.test", "url"),
            ("https://good.test\\@evil.test", "url"),
            ("http://example.test", "scheme"),
            ("http://localhost.example.test", "scheme"),
            ("http://notlocalhost", "scheme"),
            ("http://10.0.0.1", "scheme"),
            ("http://[::ffff:127.0.0.1]", "scheme"),
            ("ftp://example.test", "scheme"),
            ("javascript://example.test/%0aalert(1)", "scheme"),
            ("https://user@example.test", "userinfo"),
            ("https://user:password@example.test", "userinfo"),
            ("https://@example.test", "userinfo"),
            ("https://example.test/#top", "fragment"),
            ("https://example.test/#", "fragment"),
        ] {
            assert_eq!(HttpsUrl::parse(text).unwrap_err().rule, rule, "{text:?}");
        }
    }

    #[test]
    fn the_length_is_bounded_before_and_after_encoding() {
        let start = "https://example.test/";
        let fits = format!("{start}{}", "a".repeat(MAX_LENGTH - start.len()));
        assert_eq!(HttpsUrl::parse(&fits).unwrap().as_str(), fits);
        assert_eq!(HttpsUrl::parse(&format!("{fits}a")).unwrap_err().rule, "length");
        assert_eq!(
            HttpsUrl::parse(&format!("{start}{}", "ü".repeat(400)))
                .unwrap_err()
                .rule,
            "length"
        );
    }

    #[test]
    fn json_goes_through_parse() {
        let url: HttpsUrl = serde_json::from_str("\"https://example.test\"").unwrap();
        assert_eq!(serde_json::to_string(&url).unwrap(), "\"https://example.test/\"");
        assert!(serde_json::from_str::<HttpsUrl>("\"http://example.test\"").is_err());
    }

    proptest! {
        #[test]
        fn whatever_parses_is_settled(rest in "[a-zA-Z0-9:@/?#%.\\[\\]_-]{0,40}") {
            if let Ok(url) = HttpsUrl::parse(&format!("https://{rest}")) {
                prop_assert_eq!(HttpsUrl::parse(url.as_str()).unwrap(), url);
            }
        }
    }
}
