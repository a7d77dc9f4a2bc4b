//! Where the application may be returned to after a sign-in: an allow-list of exact origins with rules for the path.

use thiserror::Error;
use url::Url;

/// Longest address looked at.
const MAX_LENGTH: usize = 2048;

/// A configured rule is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{rule}` must be an http or https address in canonical form, without user, query and fragment; `/*` may end its path"
)]
pub struct ReturnRuleError {
    /// The rule.
    pub rule: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// Scheme, host and port.
    origin: String,
    path: PathRule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PathRule {
    Exact(String),
    /// Everything below this, which ends with a slash.
    Below(String),
}

/// The addresses the application may be returned to. The default allows none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReturnTargets {
    rules: Vec<Rule>,
}

impl ReturnTargets {
    /// Reads rules: an address (`https://app.example.com/welcome`) allows exactly its path with any query, one whose path
    /// ends with `/*` everything below.
    ///
    /// # Errors
    /// [`ReturnRuleError`] with the first text that is no rule.
    pub fn parse<T: AsRef<str>>(rules: impl IntoIterator<Item = T>) -> Result<Self, ReturnRuleError> {
        let read = |text: T| {
            rule(text.as_ref()).ok_or_else(|| ReturnRuleError {
                rule: text.as_ref().to_owned(),
            })
        };
        Ok(Self {
            rules: rules.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Whether the application may be returned to this address.
    ///
    /// It must be absolute and written in its canonical form (WHATWG URL): so there is one reading of it, and no browser
    /// finds another host in it than we did.
    #[must_use]
    pub fn allow(&self, text: &str) -> bool {
        let Some(url) = canonical(text) else {
            return false;
        };
        let (origin, path) = (url.origin().ascii_serialization(), url.path());
        // What hides a separator from us may show it to the application's own router.
        let lowered = path.to_ascii_lowercase();
        if ["%2f", "%5c", "%2e", "%00"]
            .iter()
            .any(|hidden| lowered.contains(hidden))
        {
            return false;
        }
        self.rules.iter().any(|rule| {
            rule.origin == origin
                && match &rule.path {
                    PathRule::Exact(exact) => path == exact,
                    PathRule::Below(folder) => path.starts_with(folder.as_str()),
                }
        })
    }
}

fn canonical(text: &str) -> Option<Url> {
    if text.len() > MAX_LENGTH || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.has_host()
        && !text.contains('@');
    (plain && url.as_str() == text).then_some(url)
}

fn rule(text: &str) -> Option<Rule> {
    let (address, below) = match text.strip_suffix('*') {
        Some(folder) if folder.ends_with('/') => (folder, true),
        Some(_) => return None,
        None => (text, false),
    };
    let url = canonical(address)?;
    if url.query().is_some() || url.fragment().is_some() || address.contains('*') {
        return None;
    }
    let path = url.path().to_owned();
    Some(Rule {
        origin: url.origin().ascii_serialization(),
        path: if below {
            PathRule::Below(path)
        } else {
            PathRule::Exact(path)
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn targets() -> ReturnTargets {
        ReturnTargets::parse([
            "https://app.example.com/in/*",
            "https://app.example.com/welcome",
            "http://127.0.0.1:3000/*",
        ])
        .unwrap()
    }

    #[test]
    fn configured_addresses_are_allowed() {
        for good in [
            "https://app.example.com/in/",
            "https://app.example.com/in/orders?id=7#top",
            "https://app.example.com/welcome",
            "https://app.example.com/welcome?x=//evil.example",
            "http://127.0.0.1:3000/",
        ] {
            assert!(targets().allow(good), "{good}");
        }
    }

    #[test]
    fn every_other_way_to_write_an_address_is_refused() {
        for bad in [
            "",
            "/",
            "/in/",
            "//evil.example",
            "//evil.example/in/",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https:/evil.example",
            "https:\\\\evil.example",
            "https:///evil.example/in/",
            "https:app.example.com/in/",
            "https:/app.example.com/in/",
            "https:\\app.example.com/in/",
            "https://app.example.com\\@evil.example/in/",
            "https://app.example.com@evil.example/in/",
            "https://evil.example@app.example.com/in/",
            "https://app.example.com:443/in/",
            "https://app.example.com:8443/in/",
            "https://app.example.com./in/",
            "https://APP.example.com/in/",
            "HTTPS://app.example.com/in/",
            "http://app.example.com/in/",
            "https://app.example.com.evil.example/in/",
            "https://evil.example/https://app.example.com/in/",
            "https://app.example.com/in",
            "https://app.example.com/inn/",
            "https://app.example.com/in/../admin",
            "https://app.example.com/in/%2e%2e/admin",
            "https://app.example.com/in/%2E%2E%2Fadmin",
            "https://app.example.com/in/..%2fadmin",
            "https://app.example.com/in/%5c..%5cadmin",
            "https://app.example.com/in/;/..;/admin/../..",
            "https://app.example.com/welcome/",
            "https://app.example.com/welcome/x",
            "https://app.example.com/\tin/",
            "https://app\t.example.com/in/",
            "\thttps://app.example.com/in/",
            " https://app.example.com/in/",
            "https://app.example.com/in/ ",
            "https://app.example.com/in/\r\nset-cookie:a",
            "https://app.example.com/in/\0",
            "https://app.example.com/in/%00",
            "javascript:alert(1)",
            "javascript://app.example.com/in/%0aalert(1)",
            "data:text/html,x",
            "ftp://app.example.com/in/",
            "https://app.example.com/in/\u{2028}",
            "https://\u{ff41}pp.example.com/in/",
            "https://app\u{3002}example\u{3002}com/in/",
            "http://127.0.0.1/",
            "http://127.1:3000/",
            "http://0x7f.1:3000/",
            "http://2130706433:3000/",
            "http://localhost:3000/",
            "http://[::ffff:127.0.0.1]:3000/",
            "http://127.0.0.1:3000",
            "http://127.0.0.1:03000/",
            "https://app.example.com?/in/",
            "https://app.example.com#/in/",
            "?next=https://app.example.com/in/",
        ] {
            assert!(!targets().allow(bad), "{bad}");
        }
        assert!(!ReturnTargets::default().allow("https://app.example.com/in/"));
        assert!(!targets().allow(&format!("https://app.example.com/in/{}", "x".repeat(MAX_LENGTH))));
    }

    #[test]
    fn rules_that_say_less_than_they_seem_are_refused() {
        for bad in [
            "*",
            "https://*.example.com/",
            "https://app.example.com",
            "https://app.example.com/a*",
            "https://a@b/",
            "https://app.example.com/?x",
            "//app.example.com/",
            "javascript:*",
            "https://app.example.com/*/x",
        ] {
            assert!(ReturnTargets::parse([bad]).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_allowed_has_an_allowed_origin(text in r"(https?:)?[/\\]{0,3}(app\.example\.com|evil\.example|127\.0\.0\.1:3000)?[@:/\\\t ?#.a-z%]{0,12}(app\.example\.com|evil\.example)?/in/[a-z./%]{0,8}") {
            if targets().allow(&text) {
                let host = Url::parse(&text).unwrap().host_str().map(str::to_owned);
                prop_assert!(matches!(host.as_deref(), Some("app.example.com" | "127.0.0.1")), "{}", text);
                prop_assert!(text.starts_with("https://app.example.com/") || text.starts_with("http://127.0.0.1:3000/"));
            }
        }
    }
}
