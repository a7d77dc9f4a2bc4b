//! What a password must be.

use std::fmt::Debug;
use std::sync::Arc;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use wisdom_core::failure::PublicMessage;
use wisdom_core::policy::Policy;
use wisdom_core::secret::SecretText;
use wisdom_core::value::{DisplayName, EmailAddress};
use zeroize::Zeroizing;

use super::normalise;

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
            Self::Personal => "must not be your e-mail address or your name".into(),
        }
    }
}

/// A list of passwords that are refused whatever their length.
pub trait Blocklist: Send + Sync + Debug {
    /// Whether the password is on the list. It comes in NFKC and lower case.
    fn contains(&self, password: &str) -> bool;
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
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum: 15,
            blocklist: None,
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
        if is_common(&lower) || self.blocklist.as_ref().is_some_and(|list| list.contains(&lower)) {
            return Err(WeakPassword::Blocked);
        }
        if is_personal(&lower, person) {
            return Err(WeakPassword::Personal);
        }
        Ok(())
    }
}

/// The heads and pieces that long common passwords are made of, in lower case.
const COMMON: [&str; 40] = [
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "passwort",
    "motdepasse",
    "contraseña",
    "wachtwoord",
    "parola",
    "qwerty",
    "qwertz",
    "azerty",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx",
    "1q2w3e4r",
    "q1w2e3r4",
    "letmein",
    "welcome",
    "changeme",
    "iloveyou",
    "monkey",
    "dragon",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "batman",
    "trustno1",
    "master",
    "shadow",
    "michael",
    "secret",
    "admin",
    "administrator",
    "login",
    "starwars",
    "whatever",
];

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

/// One short piece over and over, a run of neighbours, or a common word with digits and signs around it.
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
    let core = password.trim_matches(|c: char| !c.is_alphabetic());
    let doubled = |word: &str| {
        let count = core.len().checked_div(word.len()).unwrap_or(0);
        count > 0 && core.len() == count * word.len() && core.split(word).all(str::is_empty)
    };
    let common = COMMON.iter().any(|word| {
        let word_core = word.trim_matches(|c: char| !c.is_alphabetic());
        doubled(word) || core == word_core
    });
    repeats || runs(1) || runs(-1) || common || PHRASES.contains(&password)
}

/// The address, a part of it, or the name, with nothing but digits and signs around it.
fn is_personal(password: &str, person: PersonalWords<'_>) -> bool {
    let address = person.email.lookup_key();
    let local = address.split('@').next().unwrap_or_default();
    let name: Option<String> = person
        .display_name
        .map(|name| name.as_str().nfkc().collect::<String>().to_lowercase());
    let compact = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let is_word = |word: &str| {
        let word = compact(word);
        let rest = Zeroizing::new(compact(password).replace(&word, ""));
        word.chars().count() >= MIN_PERSONAL_WORD
            && rest.chars().all(|c| c.is_ascii_digit())
            && compact(password).contains(&word)
    };
    password == address || is_word(address) || is_word(local) || name.as_deref().is_some_and(is_word)
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
