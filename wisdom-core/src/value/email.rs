//! E-mail addresses.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::ValueError;

/// Longest address in bytes: RFC 5321 section 4.5.3.1.3 allows a path of 256 with its angle brackets.
const MAX_LENGTH: usize = 254;
/// Longest local part in bytes: RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_LENGTH: usize = 64;
/// Longest text looked at, in bytes: a domain in Unicode may be longer than its ASCII form.
const MAX_INPUT_LENGTH: usize = 1024;
/// Rounds after which folding must stand still; a test shows that they are enough for every single character.
const MAX_FOLDING_ROUNDS: usize = 4;

const FORM: ValueError = ValueError::new("email", "must be one e-mail address such as name@example.com");
const LENGTH: ValueError = ValueError::new(
    "length",
    "must be at most 254 bytes, with at most 64 before the @",
);
const LOCAL: ValueError = ValueError::new(
    "local_part",
    "must have only letters, digits, single dots and !#$%&'*+-/=?^_`{|}~ before the @",
);
const DOMAIN: ValueError = ValueError::new(
    "domain",
    "must have a full domain name such as example.com after the @",
);

/// An e-mail address, `local@domain`.
///
/// The local part is a dot-atom (RFC 5322 section 3.2.3) in which RFC 6531 letters, marks and digits of any script may
/// stand; quoted local parts, comments, display names, lists and address literals are refused. The domain is turned
/// into its lower-case ASCII form (UTS 46) and needs two labels.
///
/// Two addresses are **equal when their [`lookup_key`](Self::lookup_key) is**: whoever can be taken for somebody else
/// by letter case or Unicode form is the same account. A message must go to the stored address and never to the one a
/// visitor typed, which can be another mailbox with an equal key.
///
/// `Debug` prints the [masked](Self::masked) form, because it ends up in logs.
#[derive(Clone)]
pub struct EmailAddress {
    /// Local part in NFC, `@`, ASCII domain.
    address: String,
    key: String,
    /// Bytes of `address` before the `@`.
    local_length: usize,
}

impl EmailAddress {
    /// Checks and normalises an address.
    ///
    /// # Errors
    ///
    /// [`ValueError`] with rule `email`, `length`, `local_part` or `domain`.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text.len() > MAX_INPUT_LENGTH {
            return Err(LENGTH);
        }
        let (local, domain) = text.split_once('@').ok_or(FORM)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(FORM);
        }
        let local: String = local.nfc().collect();
        // Compatibility forms of characters that are not letters (such as a full-width @) only show after folding.
        let key_local = fold(&local)?;
        if !is_dot_atom(&local) || !is_dot_atom(&key_local) {
            return Err(LOCAL);
        }
        if local.len() > MAX_LOCAL_LENGTH || key_local.len() > MAX_LOCAL_LENGTH {
            return Err(LENGTH);
        }
        let domain = ascii_domain(domain)?;
        let local_length = local.len();
        let address = format!("{local}@{domain}");
        let key = format!("{key_local}@{domain}");
        if address.len() > MAX_LENGTH || key.len() > MAX_LENGTH {
            return Err(LENGTH);
        }
        Ok(Self {
            address,
            key,
            local_length,
        })
    }

    /// The address to show and to send to: the local part as it was written (in NFC), the domain in ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// What accounts are found by: the local part in NFKC and lower case, the domain in ASCII.
    #[must_use]
    pub fn lookup_key(&self) -> &str {
        &self.key
    }

    /// The domain in lower-case ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.get(self.local_length + 1..).unwrap_or_default()
    }

    /// A form for logs and hints, such as `a***@example.test`: the first character unless it is the only one.
    #[must_use]
    pub fn masked(&self) -> String {
        let mut local = self.address.get(..self.local_length).unwrap_or_default().chars();
        let first = local.next().filter(|_| local.next().is_some());
        let shown = first.map_or_else(String::new, String::from);
        format!("{shown}***@{}", self.domain())
    }
}

/// NFKC and lower case, repeated until both hold at once.
fn fold(local: &str) -> Result<String, ValueError> {
    let mut folded: String = local.to_owned();
    for _ in 0..MAX_FOLDING_ROUNDS {
        let next: String = folded
            .nfkc()
            .flat_map(char::to_lowercase)
            .map(unify_sigma)
            .nfkc()
            .collect();
        if next == folded {
            return Ok(folded);
        }
        folded = next;
    }
    Err(LOCAL)
}

/// Both small sigmas are Σ in upper case, so they are one letter written at two places.
fn unify_sigma(character: char) -> char {
    if character == 'ς' { 'σ' } else { character }
}

fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| {
        // A mark at the start would change the look of the dot or whatever is printed before the address.
        let starts_well = atom.chars().next().is_some_and(|first| !is_mark(first));
        starts_well && atom.chars().all(is_atom_character)
    })
}

fn is_mark(character: char) -> bool {
    character.general_category_group() == GeneralCategoryGroup::Mark
}

fn is_atom_character(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character);
    }
    matches!(
        character.general_category_group(),
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark | GeneralCategoryGroup::Number
    ) && !is_invisible(character)
}

/// Letters and marks by category that show nothing: fillers, joiners and selectors.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}'
    )
}

fn ascii_domain(domain: &str) -> Result<Cow<'_, str>, ValueError> {
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| DOMAIN)?;
    let (_, top) = ascii.rsplit_once('.').ok_or(DOMAIN)?;
    // A last label that reads as a number makes the whole an IPv4 address to many programs (WHATWG URL, "ends in a
    // number").
    let hexadecimal = top
        .strip_prefix("0x")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let numeric = hexadecimal || top.bytes().all(|byte| byte.is_ascii_digit());
    if numeric || matches!(top, "localhost" | "localdomain") {
        return Err(DOMAIN);
    }
    Ok(ascii)
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

impl PartialOrd for EmailAddress {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EmailAddress {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EmailAddress({})", self.masked())
    }
}

text_value!(EmailAddress, expecting: "an e-mail address", schema: {
    "type": "string",
    "format": "email",
    "minLength": 5,
    "maxLength": 254,
    "description": "E-mail address without display name, such as name@example.com",
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn ordinary_addresses_are_kept_as_written() {
        for text in [
            "a@example.test",
            "Anna.Maria+tag@example.test",
            "o'hara!#$%&*/=?^_`{|}~-@example.test",
            "用户@example.test",
            "मोहन@example.test",
            "3@3.example",
        ] {
            let address = email(text);
            assert_eq!(address.as_str(), text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn the_domain_becomes_lower_case_ascii() {
        assert_eq!(
            email("Anna@BÜCHER.Example").as_str(),
            "Anna@xn--bcher-kva.example"
        );
        assert_eq!(email("a@example。test").domain(), "example.test");
        assert_eq!(email("a@Mail.EXAMPLE.test").domain(), "mail.example.test");
    }

    #[test]
    fn what_can_be_confused_has_one_key() {
        for (left, right) in [
            ("Anna@example.test", "aNNA@EXAMPLE.test"),
            ("ａnna@example.test", "anna@example.test"),
            ("\u{212a}im@example.test", "kim@example.test"),
            ("ﬁona@example.test", "fiona@example.test"),
            ("e\u{301}va@example.test", "ÉVA@example.test"),
            ("ΟΔΟΣ@example.test", "οδος@example.test"),
            ("a@bücher.example", "a@xn--bcher-kva.example"),
        ] {
            assert_eq!(email(left), email(right));
            assert_eq!(email(left).lookup_key(), email(right).lookup_key());
        }
        assert_ne!(email("a.b@example.test"), email("ab@example.test"));
        assert_ne!(email("a+b@example.test"), email("a@example.test"));
        assert_eq!(
            email("\u{130}lk@example.test").lookup_key(),
            "i\u{307}lk@example.test"
        );
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, rule) in [
            ("", "email"),
            ("anna", "email"),
            ("@example.test", "email"),
            ("anna@", "email"),
            ("a@b@example.test", "email"),
            ("a@example.test,b@example.test", "email"),
            (" anna@example.test", "local_part"),
            ("an na@example.test", "local_part"),
            (".anna@example.test", "local_part"),
            ("anna.@example.test", "local_part"),
            ("an..na@example.test", "local_part"),
            ("\"anna\"@example.test", "local_part"),
            ("anna(home)@example.test", "local_part"),
            ("Anna <anna@example.test", "local_part"),
            ("anna\r\nbcc:x@example.test", "local_part"),
            ("an\u{0}na@example.test", "local_part"),
            ("an\u{7f}na@example.test", "local_part"),
            ("an\u{85}na@example.test", "local_part"),
            ("an\u{200b}na@example.test", "local_part"),
            ("an\u{202e}na@example.test", "local_part"),
            ("an\u{3164}na@example.test", "local_part"),
            ("\u{301}anna@example.test", "local_part"),
            ("an\u{ff20}na@example.test", "local_part"),
            ("an\u{2024}na@example.test", "local_part"),
            // A letter by category whose compatibility form has spaces.
            ("\u{fdfa}@example.test", "local_part"),
            ("anna@localhost", "domain"),
            ("anna@mail.localhost", "domain"),
            ("anna@localhost.localdomain", "domain"),
            ("anna@example.test.", "domain"),
            ("anna@example..test", "domain"),
            ("anna@-example.test", "domain"),
            ("anna@exa_mple.test", "domain"),
            ("anna@example.test ", "domain"),
            ("anna@example.test\r\n", "domain"),
            ("anna@[127.0.0.1]", "domain"),
            ("anna@[IPv6:::1]", "domain"),
            ("anna@127.0.0.1", "domain"),
            ("anna@１２７.0.0.1", "domain"),
            ("anna@127.0.0x1", "domain"),
            ("anna@xn--a.test", "domain"),
        ] {
            let error = EmailAddress::parse(text).unwrap_err();
            assert_eq!(error.rule, rule, "{text:?}");
        }
    }

    #[test]
    fn lengths_end_where_smtp_ends() {
        let local = "a".repeat(64);
        let domain = format!("{}.{}.{}.test", "b".repeat(63), "c".repeat(63), "d".repeat(56));
        assert_eq!(email(&format!("{local}@{domain}")).as_str().len(), 254);
        for text in [
            format!("a{local}@example.test"),
            format!("{local}@{}", domain.replace(".test", "d.test")),
            format!("{}@example.test", "é".repeat(33)),
            format!("{}@example.test", "ﷲ".repeat(20)),
            "a".repeat(MAX_INPUT_LENGTH + 1),
        ] {
            assert_eq!(EmailAddress::parse(&text).unwrap_err().rule, "length", "{text}");
        }
    }

    #[test]
    fn logs_see_only_the_masked_form() {
        assert_eq!(email("anna@example.test").masked(), "a***@example.test");
        assert_eq!(email("a@example.test").masked(), "***@example.test");
        assert_eq!(
            format!("{:?}", email("éva@example.test")),
            "EmailAddress(é***@example.test)"
        );
    }

    #[test]
    fn json_goes_through_parse() {
        let address: EmailAddress = serde_json::from_str("\"Anna@EXAMPLE.test\"").unwrap();
        assert_eq!(serde_json::to_string(&address).unwrap(), "\"Anna@example.test\"");
        assert!(serde_json::from_str::<EmailAddress>("\"anna\"").is_err());
    }

    fn assert_settled(address: &EmailAddress) -> Result<(), TestCaseError> {
        let again = email(address.as_str());
        prop_assert_eq!(again.as_str(), address.as_str());
        prop_assert_eq!(again.lookup_key(), address.lookup_key());
        let key = email(address.lookup_key());
        prop_assert_eq!(key.as_str(), address.lookup_key());
        prop_assert_eq!(key.lookup_key(), address.lookup_key());
        Ok(())
    }

    proptest! {
        #[test]
        fn plain_addresses_parse_and_settle(text in "[A-Za-z0-9!#+_-]{1,20}(\\.[a-zA-Z]{1,9})?@[a-zA-Z0-9]{1,20}\\.test") {
            assert_settled(&email(&text))?;
        }

        #[test]
        fn whatever_parses_settles(local in "[\\p{L}\\p{M}\\p{N}]{1,12}", domain in "[\\p{L}\\p{N}]{1,8}\\.[a-z]{2,5}") {
            if let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}")) {
                assert_settled(&address)?;
            }
        }

        #[test]
        fn any_text_is_taken_or_refused_without_a_panic(text in "\\PC{0,40}@?\\PC{0,40}") {
            let _ = EmailAddress::parse(&text);
        }
    }

    #[test]
    fn folding_every_single_character_settles() {
        let assigned = |character: &char| character.general_category_group() != GeneralCategoryGroup::Other;
        for character in (0_u32..0x11_0000).filter_map(char::from_u32).filter(assigned) {
            let folded = fold(&format!("a{character}")).unwrap();
            assert_eq!(fold(&folded).unwrap(), folded, "{:04x}", u32::from(character));
        }
    }
}
