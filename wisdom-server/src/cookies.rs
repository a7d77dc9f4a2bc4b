//! Sessions in cookies, for applications in browsers that should not hold tokens where scripts can read them.
//!
//! A request asks for this mode with the header `Wisdom-Session: cookie`; without it cookies are not looked at. No form
//! and no link can send that header, and a script of another origin only after a preflight that names a configured
//! origin. The origin of the request is checked besides.

mod text;

use std::borrow::Cow;

use http::header::{AUTHORIZATION, HeaderName, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use wisdom_adapters::config::{Origin, SameSite, ServerConfig};
use wisdom_core::failure::{Failure, FailureKind};

use crate::cors::OriginError;

/// The header that asks for this mode.
pub(crate) const WISDOM_SESSION: HeaderName = HeaderName::from_static("wisdom-session");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The prefix binds a cookie to this host, the path `/` and TLS (RFC 6265bis, section 4.1.3.2): no other host can set it.
const ACCESS: &str = "__Host-wisdom_access";
const REFRESH: &str = "__Host-wisdom_refresh";

/// The mode, where it is configured.
#[derive(Debug)]
pub(crate) struct CookieMode {
    origins: Vec<String>,
    same_site: &'static str,
}

/// A request in this mode whose origin was checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FromBrowser<'a> {
    mode: &'a CookieMode,
    headers: &'a HeaderMap,
}

impl CookieMode {
    /// The mode as configured; `None` without an origin.
    pub(crate) fn new(config: &ServerConfig) -> Result<Option<Self>, OriginError> {
        let origins = config.cookie_origins.iter().map(|text| {
            Origin::parse(text)
                .map(|origin| origin.to_string())
                .map_err(|rule| OriginError::new("server.cookie_origins", text, rule))
        });
        let origins: Vec<_> = origins.collect::<Result<_, _>>()?;
        Ok((!origins.is_empty()).then_some(Self {
            origins,
            same_site: match config.cookie_same_site {
                SameSite::Lax => "Lax",
                SameSite::Strict => "Strict",
            },
        }))
    }
}

/// Whether the request asks for cookies, and may.
pub(crate) fn from_browser<'a>(
    mode: Option<&'a CookieMode>,
    head: &'a Parts,
) -> Result<Option<FromBrowser<'a>>, Failure> {
    let headers = &head.headers;
    let mut lines = headers.get_all(WISDOM_SESSION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let Some(mode) = mode else {
        return Err(Failure::new(
            FailureKind::InvalidArgument,
            "cookies.off",
            "This service keeps no sessions in cookies.",
        ));
    };
    if line.as_bytes() != b"cookie" || lines.next().is_some() || headers.contains_key(AUTHORIZATION) {
        return Err(Failure::new(
            FailureKind::InvalidArgument,
            "cookies.request",
            "Wisdom-Session must be \"cookie\", once, and there must be no Authorization beside it.",
        ));
    }
    if !mode.is_at_home(headers) {
        return Err(Failure::new(
            FailureKind::Forbidden,
            "origin.forbidden",
            "Requests with cookies come from the application's own pages only.",
        ));
    }
    Ok(Some(FromBrowser { mode, headers }))
}

impl CookieMode {
    /// Browsers name the origin of every request that changes something or crosses origins; for the rest they say that
    /// it crosses none. What says neither comes from no browser that could be trusted with this.
    fn is_at_home(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => self
                .origins
                .iter()
                .any(|known| known.as_bytes() == origin.as_bytes()),
            (None, _) => headers
                .get(SEC_FETCH_SITE)
                .is_some_and(|site| site.as_bytes() == b"same-origin"),
            _ => false,
        }
    }

    fn cookie(&self, name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
        text::write(name, value, seconds, self.same_site)
    }
}

impl FromBrowser<'_> {
    /// The access token, if a cookie holds one.
    pub(crate) fn access_token(&self) -> Result<Option<&str>, Failure> {
        cookie(self.headers, ACCESS)
    }

    /// The input of a refresh: the token comes from its cookie.
    pub(crate) fn with_refresh_token(&self, mut input: Value) -> Result<Value, Failure> {
        let token = cookie(self.headers, REFRESH)?
            .ok_or_else(|| Failure::new(FailureKind::Unauthenticated, "unauthenticated", "Sign in first."))?;
        if let Value::Object(members) = &mut input {
            if members.contains_key("refresh_token") {
                return Err(Failure::field(
                    "refresh_token",
                    "unexpected",
                    "comes from the cookie",
                ));
            }
            members.insert("refresh_token".to_owned(), token.into());
        }
        Ok(input)
    }

    /// Moves the tokens of an answer into cookies. An answer without tokens stays as it is.
    pub(crate) fn keep_tokens<'b>(
        &self,
        body: Cow<'b, [u8]>,
        headers: &mut HeaderMap,
    ) -> Result<Cow<'b, [u8]>, Failure> {
        let Ok(Value::Object(mut members)) = serde_json::from_slice(&body) else {
            return Ok(body);
        };
        let (Some(Value::String(access)), Some(Value::String(refresh))) =
            (members.remove("access_token"), members.remove("refresh_token"))
        else {
            return Ok(body);
        };
        members.remove("token_type");
        let seconds = |name: &str| members.get(name).and_then(Value::as_u64).unwrap_or_default();
        let cookies = [
            self.mode.cookie(ACCESS, &access, seconds("expires_in")),
            self.mode.cookie(REFRESH, &refresh, seconds("refresh_expires_in")),
        ];
        for cookie in cookies {
            let cookie = cookie.ok_or_else(|| Failure::internal("a token does not fit into a cookie"))?;
            headers.append(SET_COOKIE, cookie);
        }
        serde_json::to_vec(&members)
            .map(Cow::Owned)
            .map_err(Failure::internal)
    }

    /// Takes the cookies away.
    pub(crate) fn clear(&self, headers: &mut HeaderMap) {
        for name in [ACCESS, REFRESH] {
            if let Some(cookie) = self.mode.cookie(name, "", 0) {
                headers.append(SET_COOKIE, cookie);
            }
        }
    }
}

/// The cookie of this name. One that comes twice is none.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Failure> {
    text::read(headers, name).map_err(|text::Twice| {
        Failure::new(
            FailureKind::Unauthenticated,
            "token.malformed",
            "A cookie came twice.",
        )
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn mode() -> CookieMode {
        let config = ServerConfig {
            cookie_origins: vec!["https://app.example.com".to_owned()],
            ..ServerConfig::default()
        };
        CookieMode::new(&config).unwrap().unwrap()
    }

    fn head(lines: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri("/v1/me");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn code(lines: &[(&str, &str)]) -> Option<&'static str> {
        from_browser(Some(&mode()), &head(lines))
            .err()
            .map(|failure| failure.code)
    }

    #[test]
    fn without_the_header_cookies_are_not_looked_at() {
        let head = head(&[
            ("cookie", "__Host-wisdom_access=a.b.c"),
            ("origin", "https://app.example.com"),
        ]);
        assert!(from_browser(Some(&mode()), &head).unwrap().is_none());
    }

    #[test]
    fn only_the_application_may_use_them() {
        const ASKS: (&str, &str) = ("wisdom-session", "cookie");
        assert_eq!(code(&[ASKS, ("origin", "https://app.example.com")]), None);
        assert_eq!(code(&[ASKS, ("sec-fetch-site", "same-origin")]), None);
        for bad in [
            &[ASKS][..],
            &[ASKS, ("origin", "https://evil.example")],
            &[ASKS, ("origin", "null")],
            &[ASKS, ("origin", "http://app.example.com")],
            &[ASKS, ("origin", "https://app.example.com.evil.example")],
            &[ASKS, ("origin", "https://app.example.com:444")],
            &[
                ASKS,
                ("origin", "https://app.example.com"),
                ("origin", "https://evil.example"),
            ],
            &[
                ASKS,
                ("origin", "https://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[ASKS, ("sec-fetch-site", "same-site")],
            &[ASKS, ("sec-fetch-site", "cross-site")],
            &[ASKS, ("sec-fetch-site", "none")],
        ] {
            assert_eq!(code(bad), Some("origin.forbidden"), "{bad:?}");
        }
        for bad in [
            &[
                ("wisdom-session", "Cookie"),
                ("origin", "https://app.example.com"),
            ][..],
            &[ASKS, ASKS, ("origin", "https://app.example.com")],
            &[
                ASKS,
                ("authorization", "Bearer a"),
                ("origin", "https://app.example.com"),
            ],
        ] {
            assert_eq!(code(bad), Some("cookies.request"), "{bad:?}");
        }
        let head = head(&[ASKS, ("origin", "https://app.example.com")]);
        assert_eq!(from_browser(None, &head).unwrap_err().code, "cookies.off");
    }

    #[test]
    fn a_cookie_that_comes_twice_is_none() {
        let with = |lines: &[(&str, &str)]| {
            let head = head(lines);
            cookie(&head.headers, ACCESS)
                .map(|value| value.map(str::to_owned))
                .map_err(|failure| failure.code)
        };
        assert_eq!(
            with(&[("cookie", "a=b; __Host-wisdom_access=x.y.z; c=d")]),
            Ok(Some("x.y.z".to_owned()))
        );
        // HTTP/2 may send one line for each.
        assert_eq!(
            with(&[("cookie", "a=b"), ("cookie", "__Host-wisdom_access=x")]),
            Ok(Some("x".to_owned()))
        );
        assert_eq!(
            with(&[(
                "cookie",
                "wisdom_access=x; __host-wisdom_access=x; X__Host-wisdom_access=x"
            )]),
            Ok(None)
        );
        assert_eq!(with(&[("cookie", "__Host-wisdom_access=")]), Ok(None));
        assert_eq!(
            with(&[("cookie", "__Host-wisdom_access=x; __Host-wisdom_access=y")]),
            Err("token.malformed")
        );
    }

    #[test]
    fn tokens_leave_the_body() {
        let (mode, head) = (mode(), head(&[]));
        let browser = FromBrowser {
            mode: &mode,
            headers: &head.headers,
        };
        let body = br#"{"access_token":"a.b","token_type":"Bearer","expires_in":600,"refresh_token":"r","refresh_expires_in":9,"user":"u"}"#;
        let mut headers = HeaderMap::new();
        let kept = browser.keep_tokens(Cow::Borrowed(body), &mut headers).unwrap();
        assert_eq!(&*kept, br#"{"expires_in":600,"refresh_expires_in":9,"user":"u"}"#);
        let set: Vec<_> = headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        assert_eq!(
            set,
            [
                "__Host-wisdom_access=a.b; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600",
                "__Host-wisdom_refresh=r; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=9",
            ]
        );
        let other = browser
            .keep_tokens(Cow::Borrowed(br#"{"a":1}"#), &mut headers)
            .unwrap();
        assert_eq!(&*other, br#"{"a":1}"#);
        let injected = br#"{"access_token":"a; Domain=evil.example","refresh_token":"r"}"#;
        assert!(
            browser
                .keep_tokens(Cow::Borrowed(injected), &mut headers)
                .is_err()
        );
    }
}
