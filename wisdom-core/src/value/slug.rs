//! Short names in addresses.

use unicode_normalization::UnicodeNormalization;

use super::ValueError;

const MIN_LENGTH: usize = 3;
/// Longest slug: one DNS label (RFC 1035 section 2.3.4), since `slug.base` is a host name.
const MAX_LENGTH: usize = 63;
/// Added by [`Slug::suggest`] where a name alone makes no slug.
const FILLER: &str = "team";

/// Names that would stand for Wisdom itself, a part of the site or a role of the mail system (RFC 2142). Sorted.
const RESERVED: &[&str] = &[
    "abuse",
    "access",
    "account",
    "accounts",
    "admin",
    "administrator",
    "admins",
    "api",
    "app",
    "apps",
    "assets",
    "audit",
    "auth",
    "autoconfig",
    "autodiscover",
    "beta",
    "billing",
    "blog",
    "cdn",
    "community",
    "compliance",
    "config",
    "console",
    "contact",
    "dashboard",
    "dev",
    "developer",
    "developers",
    "docs",
    "domain",
    "download",
    "downloads",
    "email",
    "enterprise",
    "error",
    "errors",
    "events",
    "example",
    "favicon",
    "files",
    "forgot",
    "ftp",
    "graphql",
    "guest",
    "health",
    "healthz",
    "help",
    "home",
    "host",
    "hostmaster",
    "http",
    "https",
    "images",
    "imap",
    "img",
    "info",
    "internal",
    "invitations",
    "invite",
    "jobs",
    "jwks",
    "legal",
    "livez",
    "localhost",
    "log",
    "login",
    "logout",
    "logs",
    "mail",
    "media",
    "metrics",
    "noreply",
    "ns1",
    "ns2",
    "null",
    "oauth",
    "oauth2",
    "oidc",
    "openapi",
    "operator",
    "owner",
    "partners",
    "password",
    "payment",
    "payments",
    "ping",
    "pop",
    "pop3",
    "postmaster",
    "preview",
    "pricing",
    "privacy",
    "private",
    "prod",
    "production",
    "public",
    "readyz",
    "register",
    "robots",
    "root",
    "saml",
    "scim",
    "search",
    "secure",
    "security",
    "server",
    "service",
    "services",
    "session",
    "sessions",
    "settings",
    "sign-in",
    "sign-out",
    "sign-up",
    "signin",
    "signout",
    "signup",
    "site",
    "sitemap",
    "smtp",
    "ssl",
    "sso",
    "stage",
    "staging",
    "static",
    "status",
    "sudo",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "team",
    "tenant",
    "tenants",
    "terms",
    "test",
    "tls",
    "tokens",
    "trust",
    "undefined",
    "upload",
    "uploads",
    "user",
    "users",
    "version",
    "webhook",
    "webhooks",
    "webmail",
    "webmaster",
    "well-known",
    "wisdom",
    "wpad",
    "www",
];

/// The short name of a tenant in paths and host names: 3 to 63 characters of `a-z`, `0-9` and single hyphens, a letter
/// first, no hyphen last, none of the reserved names.
///
/// ASCII only, so two slugs that look alike differ in ASCII too, and no slug is a Punycode label (`xn--`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

impl Slug {
    /// Checks a slug. Nothing is changed: upper case is refused, not lowered.
    ///
    /// # Errors
    ///
    /// [`ValueError`] with rule `length`, `characters`, `hyphens` or `reserved`.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) {
            return Err(ValueError::new("length", "must be 3 to 63 characters"));
        }
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.bytes().all(known) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
            let message = "must have only the letters a to z, digits and hyphens, and begin with a letter";
            return Err(ValueError::new("characters", message));
        }
        if text.ends_with('-') || text.contains("--") {
            return Err(ValueError::new(
                "hyphens",
                "must have single hyphens and none at the end",
            ));
        }
        if RESERVED.binary_search(&text).is_ok() {
            return Err(ValueError::new("reserved", "must not be a reserved name"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Makes a slug from a display name: `"Müller & Söhne AG"` gives `muller-sohne-ag`.
    ///
    /// Accents are dropped, whatever is left that is no ASCII letter or digit becomes a hyphen. What is then too short
    /// or reserved gets `-team` behind it, what begins with a digit gets `team-` before it. `None` when nothing is left,
    /// as with a name in another script. The slug may be taken already; that is for the store to say.
    #[must_use]
    pub fn suggest(name: &str) -> Option<Self> {
        let words = latin_words(name);
        let first = words.chars().next()?;
        let text = if first.is_ascii_digit() {
            format!("{FILLER}-{words}")
        } else {
            words
        };
        let text = text.get(..MAX_LENGTH).unwrap_or(&text).trim_end_matches('-');
        Self::parse(text)
            .or_else(|_| Self::parse(&format!("{text}-{FILLER}")))
            .ok()
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lower-case ASCII words joined by single hyphens, at most [`MAX_LENGTH`] and a few characters long.
fn latin_words(name: &str) -> String {
    let mut words = String::new();
    let mut gap = false;
    for character in name.nfkd().flat_map(char::to_lowercase) {
        if words.len() > MAX_LENGTH {
            break;
        }
        let plain = match character {
            'a'..='z' | '0'..='9' => None,
            'ß' => Some("ss"),
            'æ' => Some("ae"),
            'œ' => Some("oe"),
            'þ' => Some("th"),
            'ø' => Some("o"),
            'đ' | 'ð' => Some("d"),
            'ł' => Some("l"),
            'ı' => Some("i"),
            // Marks split off by the decomposition and apostrophes inside a word leave no gap.
            '\'' | '\u{2019}' | '\u{300}'..='\u{36f}' => continue,
            _ => {
                gap = true;
                continue;
            }
        };
        if gap && !words.is_empty() {
            words.push('-');
        }
        gap = false;
        match plain {
            Some(letters) => words.push_str(letters),
            None => words.push(character),
        }
    }
    words
}

text_value!(Slug, expecting: "a slug", schema: {
    "type": "string",
    "minLength": 3,
    "maxLength": 63,
    "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    "description": "Short name in addresses: a to z, digits and single hyphens, begins with a letter; some names are \
                    reserved",
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_reserved_names_are_sorted_once_each_and_slugs_otherwise() {
        assert!(RESERVED.is_sorted_by(|left, right| left < right));
        for name in RESERVED {
            assert_eq!(Slug::parse(name).unwrap_err().rule, "reserved", "{name}");
        }
    }

    #[test]
    fn slugs_are_taken_as_they_are() {
        for text in ["abc", "a-b", "a1-2b", "admin2", &"a".repeat(63)] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, rule) in [
            ("", "length"),
            ("ab", "length"),
            (&*"a".repeat(64), "length"),
            ("Acme-corp", "characters"),
            ("1abc", "characters"),
            ("-abc", "characters"),
            ("a_bc", "characters"),
            ("a.bc", "characters"),
            ("abc ", "characters"),
            ("büro", "characters"),
            ("аbc", "characters"),
            ("abc-", "hyphens"),
            ("a--b", "hyphens"),
            ("xn--bcher-kva", "hyphens"),
            ("www", "reserved"),
            ("healthz", "reserved"),
        ] {
            assert_eq!(Slug::parse(text).unwrap_err().rule, rule, "{text:?}");
        }
    }

    #[test]
    fn suggestions_follow_the_name() {
        for (name, slug) in [
            ("Müller & Söhne AG", "muller-sohne-ag"),
            ("Łódź Straße", "lodz-strasse"),
            ("  O'Reilly -- Media!  ", "oreilly-media"),
            ("３Ｍ", "team-3m"),
            ("HP", "hp-team"),
            ("Admin", "admin-team"),
            ("東京 Tower", "tower"),
        ] {
            assert_eq!(Slug::suggest(name).unwrap().as_str(), slug, "{name}");
        }
        for name in ["", "   ", "東京", "!?"] {
            assert_eq!(Slug::suggest(name), None, "{name}");
        }
        let long = format!("{} {}", "a".repeat(62), "b".repeat(62));
        assert_eq!(Slug::suggest(&long).unwrap().as_str(), "a".repeat(62));
    }

    #[test]
    fn json_goes_through_parse() {
        assert_eq!(
            serde_json::from_str::<Slug>("\"abc\"").unwrap(),
            Slug::parse("abc").unwrap()
        );
        assert!(serde_json::from_str::<Slug>("\"www\"").is_err());
    }

    proptest! {
        #[test]
        fn a_suggestion_is_valid_and_settled(name in "\\PC{0,90}") {
            if let Some(slug) = Slug::suggest(&name) {
                prop_assert_eq!(&Slug::parse(slug.as_str()).unwrap(), &slug);
                prop_assert_eq!(Slug::suggest(slug.as_str()).unwrap(), slug);
            }
        }

        #[test]
        fn a_name_with_a_latin_letter_or_digit_has_a_suggestion(name in "\\PC{0,30}[a-zA-Z0-9]\\PC{0,90}") {
            prop_assert!(Slug::suggest(&name).is_some());
        }
    }
}
