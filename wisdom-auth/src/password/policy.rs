//! What a password must be.

use std::sync::Arc;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use wisdom_core::failure::PublicMessage;
use wisdom_core::policy::Policy;
use wisdom_core::secret::SecretText;
use wisdom_core::value::{DisplayName, EmailAddress};
use zeroize::Zeroizing;

use super::blocklist::Blocklist;
use super::normalise;
use super::pieces::is_guessable;

/// Most characters, after normalisation.
const MAX_CHARACTERS: usize = 128;
/// Shorter personal words say nothing: they are part of too many good passwords.
const MIN_PERSONAL_WORD: usize = 4;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WeakPassword {
    /// It has fewer characters than the policy asks for.
    #[error("the password is shorter than {minimum} characters")]
    TooShort {
        /// The least number of characters.
        minimum: usize,
    },
    /// It has more than 128 characters.
    #[error("the password is longer than 128 characters")]
    TooLong,
    /// It is among the first that anybody tries.
    #[error("the password is a common one")]
    Blocked,
    /// It is the current one, or one of the user's last ones.
    #[error("the password was used before")]
    Reused,
    /// It is the user's address or name, or little more.
    #[error("the password is the user's own address or name")]
    Personal,
}

impl WeakPassword {
    /// The rule's stable name.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::TooShort { .. } | Self::TooLong => "length",
            Self::Blocked => "blocked",
            Self::Reused => "reused",
            Self::Personal => "personal",
        }
    }

    /// The rule in words, for people.
    #[must_use]
    pub fn message(self) -> PublicMessage {
        match self {
            Self::TooShort { minimum } => {
                PublicMessage::composed(format!("must have at least {minimum} characters"))
            }
            Self::TooLong => "must have at most 128 characters".into(),
            Self::Blocked => "is one of the passwords that are tried first; choose another".into(),
            Self::Reused => "must not be one that you used before".into(),
            Self::Personal => "must not be your e-mail address or your name".into(),
        }
    }
}

/// The configured least length is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the least length of a password must be 8 to 64 characters")]
pub struct PasswordPolicyError;

/// What a password must be: long enough, not common, not the user's own name. No rules on its composition, and none on
/// its age (NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5.0, 6.2).
///
/// The least length is 15 characters, because a password is the only factor so far; a deployment with a second one may
/// go down to 8. A password of 64 characters is always allowed, the most is 128. Characters are Unicode scalar values
/// after NFKC.
#[derive(Debug, Clone)]
pub struct PasswordPolicy {
    minimum: usize,
    blocklist: Option<Arc<dyn Blocklist>>,
    context: Arc<[String]>,
    history: u32,
}

/// Most earlier passwords that are remembered: each is a hash to compute when a password is chosen.
const MAX_HISTORY: u32 = 10;

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum: 15,
            blocklist: None,
            context: Arc::default(),
            history: 0,
        }
    }
}

impl Policy for PasswordPolicy {}

/// What is known of the person who chooses a password.
#[derive(Debug, Clone, Copy)]
pub struct PersonalWords<'a> {
    /// The address.
    pub email: &'a EmailAddress,
    /// The name.
    pub display_name: Option<&'a DisplayName>,
}

impl PasswordPolicy {
    /// A policy with this least length.
    ///
    /// # Errors
    /// [`PasswordPolicyError`] outside of 8 to 64.
    pub fn with_minimum(minimum: usize) -> Result<Self, PasswordPolicyError> {
        if (8..=64).contains(&minimum) {
            Ok(Self {
                minimum,
                ..Self::default()
            })
        } else {
            Err(PasswordPolicyError)
        }
    }

    /// The same with a list of refused passwords, beside the small one that is built in.
    #[must_use]
    pub fn with_blocklist(mut self, list: Arc<dyn Blocklist>) -> Self {
        self.blocklist = Some(list);
        self
    }

    /// The same with words of the service's own, such as the product's name: a password must not be one of them with
    /// digits and signs around it. Words of less than four letters say nothing and are passed over.
    #[must_use]
    pub fn with_context_words(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.context = words
            .into_iter()
            .map(|word| word.nfkc().collect::<String>().to_lowercase())
            .collect();
        self
    }

    /// The same with so many earlier passwords that must not come back, at most 10. Default none beside the current one:
    /// people who must change often choose worse, and what they choose is stored for longer.
    #[must_use]
    pub fn with_history(mut self, earlier: u32) -> Self {
        self.history = earlier.min(MAX_HISTORY);
        self
    }

    /// How many earlier passwords must not come back.
    #[must_use]
    pub const fn history(&self) -> u32 {
        self.history
    }

    /// The least number of characters.
    #[must_use]
    pub const fn minimum(&self) -> usize {
        self.minimum
    }

    /// Checks a password that somebody chooses.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check(&self, password: &SecretText, person: PersonalWords<'_>) -> Result<(), WeakPassword> {
        let normal = normalise(password).ok_or(WeakPassword::TooLong)?;
        let length = normal.chars().count();
        if length > MAX_CHARACTERS {
            return Err(WeakPassword::TooLong);
        }
        if length < self.minimum {
            return Err(WeakPassword::TooShort {
                minimum: self.minimum,
            });
        }
        let lower = Zeroizing::new(normal.to_lowercase());
        let of_context = self.context.iter().any(|word| is_word(&lower, word));
        if of_context
            || is_common(&lower)
            || self.blocklist.as_ref().is_some_and(|list| list.contains(&lower))
        {
            return Err(WeakPassword::Blocked);
        }
        if is_personal(&lower, person) {
            return Err(WeakPassword::Personal);
        }
        Ok(())
    }
}

/// Phrases that everybody knows from texts about passwords.
const PHRASES: [&str; 8] = [
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "correct-horse-battery-staple",
    "correct_horse_battery_staple",
    "thisismypassword",
    "this is my password",
    "mypasswordismypassword",
    "ilovemypassword",
];

/// One short piece over and over, a run of neighbours, or nothing but words and walks that are tried first.
fn is_common(password: &str) -> bool {
    let characters: Vec<char> = password.chars().collect();
    let repeats =
        (1..=8).any(|n| characters.len() > n && characters.iter().zip(&characters[n..]).all(|(a, b)| a == b));
    let runs = |step: i64| {
        characters.windows(2).all(|pair| {
            let next = i64::from(u32::from(pair[0])) + step;
            next == i64::from(u32::from(pair[1])) || (pair[0] == '9' && pair[1] == '0')
        })
    };
    repeats || runs(1) || runs(-1) || is_guessable(password) || PHRASES.contains(&password)
}

/// The address, a part of it, or the name, with nothing but digits and signs around it.
fn is_personal(password: &str, person: PersonalWords<'_>) -> bool {
    let address = person.email.lookup_key();
    let local = address.split('@').next().unwrap_or_default();
    let name: Option<String> = person
        .display_name
        .map(|name| name.as_str().nfkc().collect::<String>().to_lowercase());
    password == address
        || is_word(password, address)
        || is_word(password, local)
        || name.as_deref().is_some_and(|name| is_word(password, name))
}

/// Whether a password is one word with nothing but digits and signs around it.
fn is_word(password: &str, word: &str) -> bool {
    let compact = |text: &str| {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        Zeroizing::new(letters.collect::<String>())
    };
    let (word, password) = (compact(word), compact(password));
    let rest = Zeroizing::new(password.replace(word.as_str(), ""));
    word.chars().count() >= MIN_PERSONAL_WORD
        && rest.chars().all(|c| c.is_ascii_digit())
        && password.contains(word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &PasswordPolicy, password: &str) -> Result<(), WeakPassword> {
        let email = EmailAddress::parse("anna.miller@example.test").unwrap();
        let name = DisplayName::parse("Anna Miller-Jones").unwrap();
        let person = PersonalWords {
            email: &email,
            display_name: Some(&name),
        };
        policy.check(&SecretText::from(password.to_owned()), person)
    }

    #[test]
    fn the_length_counts_characters_from_the_minimum_to_128() {
        let policy = PasswordPolicy::default();
        let sample = "vT3 äö✓wq🦀 zK7;";
        assert_eq!(sample.chars().count(), 15);
        assert_eq!(check(&policy, sample), Ok(()));
        let short: String = sample.chars().take(14).collect();
        assert_eq!(
            check(&policy, &short),
            Err(WeakPassword::TooShort { minimum: 15 })
        );
        let long: String = sample.chars().cycle().take(128).collect();
        assert_eq!(check(&policy, &long), Ok(()));
        assert_eq!(check(&policy, &format!("{long}x")), Err(WeakPassword::TooLong));
        assert_eq!(check(&policy, &"x".repeat(1 << 20)), Err(WeakPassword::TooLong));
        assert_eq!(
            check(&PasswordPolicy::with_minimum(8).unwrap(), "zK7; v✓q"),
            Ok(())
        );
    }

    #[test]
    fn the_minimum_stays_within_8_and_64() {
        for bad in [0, 7, 65] {
            assert!(PasswordPolicy::with_minimum(bad).is_err());
        }
        for good in [8, 64] {
            assert!(PasswordPolicy::with_minimum(good).is_ok());
        }
    }

    #[test]
    fn common_passwords_are_refused_at_any_length() {
        let policy = PasswordPolicy::with_minimum(8).unwrap();
        for common in [
            "password",
            "Password1234567!",
            "passwordpassword",
            "PASSWORDPASSWORDPASSWORD",
            "1234567890123456",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "abcdefghijklmnop",
            "zyxwvutsrqponmlk",
            "qwertyuiop123456789",
            "Correct Horse Battery Staple",
            "2026010120260101",
            "changeme!!!!!!!!!",
        ] {
            assert_eq!(check(&policy, common), Err(WeakPassword::Blocked), "{common}");
        }
        for good in [
            "drei kleine Katzen",
            "qwertz ist keine Idee",
            "passwords are my hobby",
        ] {
            assert_eq!(check(&policy, good), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_users_own_words_are_refused() {
        let policy = PasswordPolicy::with_minimum(8).unwrap();
        for own in [
            "anna.miller@example.test",
            "ANNA.MILLER@example.test",
            "anna.miller1987",
            "AnnaMiller2026!",
            "anna miller-jones",
            "AnnaMillerJones99",
        ] {
            assert_eq!(check(&policy, own), Err(WeakPassword::Personal), "{own}");
        }
        assert_eq!(check(&policy, "anna.miller likes green tea"), Ok(()));
    }

    #[test]
    fn the_services_own_words_are_refused() {
        let policy = PasswordPolicy::default().with_context_words(["Acme Corp".to_owned(), "io".to_owned()]);
        for own in ["acmecorp12345678", "Acme-Corp 2026!!!", "ACMECORPACMECORP"] {
            assert_eq!(check(&policy, own), Err(WeakPassword::Blocked), "{own}");
        }
        assert_eq!(check(&policy, "acme corp sells anvils"), Ok(()));
        assert_eq!(check(&policy, "io io and nothing else"), Ok(()));
    }

    #[derive(Debug)]
    struct List;
    impl Blocklist for List {
        fn contains(&self, password: &str) -> bool {
            password == "our company's slogan"
        }
    }

    #[test]
    fn a_list_can_be_added() {
        let policy = PasswordPolicy::default().with_blocklist(Arc::new(List));
        assert_eq!(check(&policy, "Our Company's Slogan"), Err(WeakPassword::Blocked));
    }
}
