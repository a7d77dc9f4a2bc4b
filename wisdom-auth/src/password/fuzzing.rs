//! What must hold for any text that storage or an import gives as somebody's stored password.

#![expect(clippy::unwrap_used, reason = "a property that does not hold stops the run")]

use std::sync::{Arc, LazyLock};

use wisdom_core::random::ManualRandom;
use wisdom_core::secret::SecretText;

use super::imported::ImportedHash;
use super::params::MAX_MEMORY_KIB;
use super::stored::{self, SALT, StoredHash};
use super::{FirebaseProject, KnownHash, PasswordParams, Passwords, Peppers};

const PASSWORD: &[u8] = b"violet harbour seven lanterns";

static PASSWORDS: LazyLock<Passwords> = LazyLock::new(|| {
    let key = SecretText::from("k".repeat(32));
    let peppers = Peppers::new([("2026".to_owned(), key)]).unwrap();
    Passwords::new(
        PasswordParams::insecure_for_tests(),
        Arc::new(ManualRandom::new(1)),
    )
    .unwrap()
    .peppered(peppers)
});

/// The input is a stored hash. Answers whether it is one that can be verified.
///
/// # Panics
/// When it does not hold.
#[must_use]
pub fn stored_password(data: &[u8]) -> bool {
    of_own_making(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    firebase(text);
    let Some(known) = PASSWORDS.read(text) else {
        assert!(!PASSWORDS.can_verify(text));
        return false;
    };
    assert!(text.len() <= stored::MAX_LENGTH && text.is_ascii());
    match known {
        KnownHash::Own { hash, .. } => {
            let (memory, passes, lanes) = hash.cost();
            assert!(memory <= MAX_MEMORY_KIB && passes <= 64 && (1..=16).contains(&lanes));
            assert!(u64::from(memory) * u64::from(passes) <= 10 * u64::from(MAX_MEMORY_KIB));
            // What was read is written and read again.
            let printed = hash.print();
            let again = StoredHash::read(&printed, PASSWORDS.params()).unwrap();
            assert_eq!((again.print(), again.cost()), (printed, (memory, passes, lanes)));
            assert_eq!(again.is_current(), hash.is_current());
            if memory <= 256 && passes <= 2 {
                assert_eq!(
                    hash.matches(PASSWORD, &PASSWORDS.memory),
                    again.matches(PASSWORD, &PASSWORDS.memory)
                );
            }
        }
        KnownHash::Imported(hash) => {
            if is_cheap(text, &hash) {
                assert_eq!(hash.matches(PASSWORD), hash.matches(PASSWORD));
            }
        }
    }
    true
}

/// The input is a password: its hash is read, is of today's cost, and is of no other password.
fn of_own_making(password: &[u8]) {
    // One input in sixteen, because this takes longer than everything else.
    if password.len() % 16 != 1 {
        return;
    }
    let today = PASSWORDS.params();
    let phc = stored::make(password, &[3; SALT], today, &PASSWORDS.memory).unwrap();
    let read = StoredHash::read(&phc, today).unwrap();
    assert!(read.is_current() && read.print() == phc && read.matches(password, &PASSWORDS.memory));
    assert!(!read.matches(&password[1..], &PASSWORDS.memory));
}

/// The input is four lines of an export: whatever they hold, a text that is made of them can be verified.
fn firebase(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    if let [signer_key, separator, salt, hash] = lines[..] {
        let project = FirebaseProject {
            signer_key: SecretText::from(signer_key.to_owned()),
            salt_separator: separator.to_owned(),
            rounds: 8,
            memory_cost: 14,
        };
        if let Some(text) = project.hash(salt, hash) {
            assert!(ImportedHash::read(&text).is_some());
        }
    }
}

/// Whether verifying takes microseconds, so that a run gets on.
fn is_cheap(text: &str, hash: &ImportedHash) -> bool {
    match hash {
        ImportedHash::Bcrypt(_) => &text[4..6] == "04",
        ImportedHash::Pbkdf2 { iterations, .. } => iterations.get() <= 2_000,
        ImportedHash::Scrypt { .. } | ImportedHash::Firebase { .. } => {
            text.contains("$ln=1,r=1,p=1$") || text.contains(",n=1,r=1,p=1,")
        }
    }
}
