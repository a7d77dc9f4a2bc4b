//! Hashes that came from elsewhere: bcrypt, scrypt, PBKDF2. They are verified, within bounds, and never made.
//!
//! The password is taken as it was typed, since that is what the system it came from hashed; our own rules (NFKC) begin
//! with the upgrade.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use subtle::ConstantTimeEq as _;
use wisdom_core::secret::SecretText;
use zeroize::Zeroizing;

use super::params::MAX_MEMORY_KIB;

/// Largest exponent of bcrypt's cost: 2^15 rounds take about two seconds.
const MAX_BCRYPT_COST: u32 = 15;
/// Most rounds of PBKDF2: several times what OWASP asks for.
const MAX_ITERATIONS: u32 = 4_000_000;
/// Most blocks that scrypt goes over: what 2^20 × 8 × 1 takes.
const MAX_SCRYPT_WORK: u64 = 1 << 23;
/// Bytes of salt and output.
const MAX_SALT: usize = 128;
const MIN_OUTPUT: usize = 20;
const MAX_OUTPUT: usize = 64;

/// Base64 with or without padding, as different systems write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A hash of another system's that can be verified at a bounded cost.
pub(super) enum ImportedHash {
    /// Modular crypt format `$2a$`, `$2b$`, `$2x$`, `$2y$`. Looks at 72 bytes, like every bcrypt.
    Bcrypt(String),
    /// `$scrypt$ln=…,r=…,p=…$salt$hash`.
    Scrypt {
        cost: scrypt::Params,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
    /// `$fbscrypt$v=1,n=…,r=…,p=…,ss=…,sk=…$salt$hash`: Firebase's scrypt, whose key encrypts the project's signer key.
    Firebase {
        cost: scrypt::Params,
        salt: Vec<u8>,
        signer_key: Vec<u8>,
        output: Vec<u8>,
    },
    /// `$pbkdf2-sha256$i=…$salt$hash`, passlib's `$pbkdf2-sha256$…$salt$hash`, Django's `pbkdf2_sha256$…$salt$hash`.
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
}

impl ImportedHash {
    /// Reads a hash; `None` when it is of none of these kinds, or asks for more than the bounds. The text is ASCII and
    /// short already.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("pbkdf2_") {
            return django(rest);
        }
        let (name, rest) = text.strip_prefix('$')?.split_once('$')?;
        match name {
            "2a" | "2b" | "2x" | "2y" => bcrypt_hash(text),
            "scrypt" => scrypt_hash(rest),
            "fbscrypt" => firebase(rest),
            "pbkdf2" => modular_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, rest),
            "pbkdf2-sha256" => modular_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, rest),
            "pbkdf2-sha512" => modular_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA512, rest),
            _ => None,
        }
    }

    /// Whether the hash is of this password. Takes the hash's own cost.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            Self::Scrypt { cost, salt, output } => {
                let mut made = Zeroizing::new(vec![0; output.len()]);
                scrypt::scrypt(password, salt, cost, &mut made).is_ok()
                    && bool::from(made.ct_eq(output.as_slice()))
            }
            Self::Firebase {
                cost,
                salt,
                signer_key,
                output,
            } => {
                let mut derived = Zeroizing::new([0_u8; 64]);
                scrypt::scrypt(password, salt, cost, derived.as_mut_slice()).is_ok()
                    && encrypted(&derived[..32], signer_key)
                        .is_some_and(|made| bool::from(made.ct_eq(output.as_slice())))
            }
            Self::Pbkdf2 {
                algorithm,
                iterations,
                salt,
                output,
            } => pbkdf2::verify(*algorithm, *iterations, salt, password, output).is_ok(),
        }
    }
}

fn bcrypt_hash(text: &str) -> Option<ImportedHash> {
    let cost: u32 = text.get(4..6)?.parse().ok()?;
    let body = text.strip_prefix(text.get(..7)?)?;
    let bounded = text.len() == 60
        && (4..=MAX_BCRYPT_COST).contains(&cost)
        && text.as_bytes()[6] == b'$'
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'));
    bounded.then(|| ImportedHash::Bcrypt(text.to_owned()))
}

fn scrypt_hash(rest: &str) -> Option<ImportedHash> {
    let [figures, salt, output] = parts(rest)?;
    let mut cost = Figures::of(figures);
    let params = scrypt_cost(cost.number("ln")?, cost.number("r")?, cost.number("p")?)?;
    cost.end()?;
    Some(ImportedHash::Scrypt {
        cost: params,
        salt: decoded_salt(salt)?,
        output: decoded_output(output)?,
    })
}

fn firebase(rest: &str) -> Option<ImportedHash> {
    let [figures, salt, output] = parts(rest)?;
    let mut cost = Figures::of(figures);
    if cost.number("v")? != 1 {
        return None;
    }
    let params = scrypt_cost(cost.number("n")?, cost.number("r")?, cost.number("p")?)?;
    let separator = BASE64.decode(cost.text("ss")?).ok()?;
    let signer_key = decoded_output(cost.text("sk")?)?;
    cost.end()?;
    let salt = [decoded_salt(salt)?, separator].concat();
    let output = decoded_output(output)?;
    (output.len() == signer_key.len() && salt.len() <= MAX_SALT).then_some(ImportedHash::Firebase {
        cost: params,
        salt,
        signer_key,
        output,
    })
}

fn modular_pbkdf2(algorithm: pbkdf2::Algorithm, rest: &str) -> Option<ImportedHash> {
    let [figures, salt, output] = parts(rest)?;
    // passlib writes a dot where Base64 has a plus.
    let plain = |text: &str| text.replace('.', "+");
    let output = decoded_output(&plain(output))?;
    let rounds = if figures.contains('=') {
        let mut cost = Figures::of(figures);
        let rounds = cost.number("i")?;
        if !cost.0.is_empty() {
            let stated = usize::try_from(cost.number("l")?).ok()?;
            (stated == output.len()).then_some(())?;
        }
        cost.end()?;
        rounds
    } else {
        figures.parse().ok()?
    };
    Some(ImportedHash::Pbkdf2 {
        algorithm,
        iterations: iterations(rounds)?,
        salt: decoded_salt(&plain(salt))?,
        output,
    })
}

fn django(rest: &str) -> Option<ImportedHash> {
    let (name, rest) = rest.split_once('$')?;
    let algorithm = match name {
        "sha1" => pbkdf2::PBKDF2_HMAC_SHA1,
        "sha256" => pbkdf2::PBKDF2_HMAC_SHA256,
        "sha512" => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return None,
    };
    let [rounds, salt, output] = parts(rest)?;
    let salted = (1..=MAX_SALT).contains(&salt.len());
    Some(ImportedHash::Pbkdf2 {
        algorithm,
        iterations: iterations(rounds.parse().ok()?)?,
        salt: salted.then(|| salt.as_bytes().to_vec())?,
        output: decoded_output(output)?,
    })
}

/// Firebase's last step: AES-256 in counter mode from zero, under the derived key. Both directions of it are one.
fn encrypted(key: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let key = UnboundCipherKey::new(&AES_256, key).ok()?;
    let mut text = plain.to_vec();
    let context = DecryptionContext::Iv128(FixedLength::from([0; 16]));
    DecryptingKey::ctr(key).ok()?.decrypt(&mut text, context).ok()?;
    Some(text)
}

fn scrypt_cost(log_n: u32, r: u32, p: u32) -> Option<scrypt::Params> {
    if !(1..=20).contains(&log_n) || !(1..=32).contains(&r) || !(1..=16).contains(&p) {
        return None;
    }
    let blocks = (1_u64 << log_n) * u64::from(r);
    let memory_kib = blocks / 8;
    if memory_kib > u64::from(MAX_MEMORY_KIB) || blocks * u64::from(p) > MAX_SCRYPT_WORK {
        return None;
    }
    scrypt::Params::new(u8::try_from(log_n).ok()?, r, p).ok()
}

fn iterations(rounds: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(rounds).filter(|rounds| rounds.get() <= MAX_ITERATIONS)
}

fn decoded_salt(text: &str) -> Option<Vec<u8>> {
    let salt = BASE64.decode(text).ok()?;
    (1..=MAX_SALT).contains(&salt.len()).then_some(salt)
}

fn decoded_output(text: &str) -> Option<Vec<u8>> {
    let output = BASE64.decode(text).ok()?;
    (MIN_OUTPUT..=MAX_OUTPUT)
        .contains(&output.len())
        .then_some(output)
}

/// Exactly three parts, none empty.
fn parts(rest: &str) -> Option<[&str; 3]> {
    let mut all = rest.split('$').filter(|part| !part.is_empty());
    let three = [all.next()?, all.next()?, all.next()?];
    (all.next().is_none() && rest.matches('$').count() == 2).then_some(three)
}

/// `name=value` figures in their fixed order.
struct Figures<'a>(&'a str);

impl<'a> Figures<'a> {
    const fn of(text: &'a str) -> Self {
        Self(text)
    }

    fn text(&mut self, name: &str) -> Option<&'a str> {
        let (figure, rest) = self.0.split_once(',').unwrap_or((self.0, ""));
        self.0 = rest;
        figure.strip_prefix(name)?.strip_prefix('=')
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        let text = self.text(name)?;
        text.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        text.parse().ok()
    }

    const fn end(&self) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { None }
    }
}

/// What a Firebase project's export of hashes is read with: the parameters that its console shows.
#[derive(Debug, Clone)]
pub struct FirebaseProject {
    /// `base64_signer_key`.
    pub signer_key: SecretText,
    /// `base64_salt_separator`.
    pub salt_separator: String,
    /// `rounds`, 1 to 32.
    pub rounds: u32,
    /// `mem_cost`, 1 to 20.
    pub memory_cost: u32,
}

impl FirebaseProject {
    /// A user's hash in one text that [`Passwords`](super::Passwords) verifies, from the two fields of the export.
    ///
    /// `None` when a part is not Base64, or the figures are out of bounds.
    #[must_use]
    pub fn hash(&self, salt: &str, hash: &str) -> Option<String> {
        let again = |text: &str| {
            // Exports come in the URL-safe alphabet as well.
            let plain = text.replace('-', "+").replace('_', "/");
            Some(STANDARD.encode(BASE64.decode(plain).ok()?))
        };
        let text = format!(
            "$fbscrypt$v=1,n={},r={},p=1,ss={},sk={}${}${}",
            self.memory_cost,
            self.rounds,
            again(&self.salt_separator)?,
            again(self.signer_key.expose())?,
            again(salt)?,
            again(hash)?,
        );
        ImportedHash::read(&text).map(|_| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &[u8] = b"violet harbour seven lanterns";

    /// Made by libxcrypt and by Python's hashlib; Firebase's is the example of its own documentation.
    const GOOD: [&str; 8] = [
        "$2b$04$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO",
        "$2y$04$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO",
        "$scrypt$ln=10,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$0KMxVnmwW6eS4CCgYhldAzJuQ0pLFiOE7XGs3KilX/8",
        "$pbkdf2$1000$c29tZXNhbHRzb21lc2FsdA$kRSjFa/wk9ucuhYo9WeCwAGIZyo",
        "$pbkdf2-sha256$i=1000,l=32$c29tZXNhbHRzb21lc2FsdA$l8gXsOIzNdGSofe6bLHyWSu6HERcWy0CwTAA5jktKXM",
        "$pbkdf2-sha256$i=1000$c29tZXNhbHRzb21lc2FsdA==$l8gXsOIzNdGSofe6bLHyWSu6HERcWy0CwTAA5jktKXM=",
        "$pbkdf2-sha512$1000$c29tZXNhbHRzb21lc2FsdA$etyORAmb6UQrFrY1oekJyVMWHyQSWJxN09F1.EOdkGvQBmOzlahCdUSn3i80aKVhq4sFFOQ3UjZH.OHaWbub5Q",
        "pbkdf2_sha256$1000$asciisalt$15VlQVR+Suv9LqRu2ZuZmNzDqrIJNiAqNxxNikezZFo=",
    ];

    #[test]
    fn hashes_of_other_systems_verify() {
        for text in GOOD {
            let hash = ImportedHash::read(text).expect(text);
            assert!(hash.matches(PASSWORD), "{text}");
            for wrong in [
                &PASSWORD[1..],
                &PASSWORD[..28],
                b"",
                b"violet harbour seven lanternS",
            ] {
                assert!(!hash.matches(wrong), "{text}");
            }
        }
    }

    #[test]
    fn firebase_hashes_verify() {
        let project = FirebaseProject {
            signer_key: SecretText::from(
                "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
                    .to_owned(),
            ),
            salt_separator: "Bw==".to_owned(),
            rounds: 8,
            memory_cost: 14,
        };
        let text = project
            .hash(
                "42xEC-ixf3L2lw==",
                "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
            )
            .unwrap();
        let hash = ImportedHash::read(&text).unwrap();
        assert!(hash.matches(b"user1password") && !hash.matches(b"user2password"));
    }

    #[test]
    fn absurd_and_broken_hashes_are_refused_before_anything_is_computed() {
        let tail = "c29tZXNhbHRzb21lc2FsdA$0KMxVnmwW6eS4CCgYhldAzJuQ0pLFiOE7XGs3KilX/8";
        for head in [
            "$scrypt$ln=31,r=8,p=1",
            "$scrypt$ln=20,r=32,p=1",
            "$scrypt$ln=20,r=8,p=16",
            "$scrypt$ln=0,r=8,p=1",
            "$scrypt$ln=10,r=0,p=1",
            "$scrypt$ln=10,r=8,p=1,x=1",
            "$scrypt$r=8,ln=10,p=1",
            "$scrypt$ln=+9,r=8,p=1",
            "$pbkdf2-sha256$i=4294967295",
            "$pbkdf2-sha256$i=0",
            "$pbkdf2-sha256$99999999999",
            "$pbkdf2-md5$1000",
            "$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk=AAAA",
        ] {
            assert!(ImportedHash::read(&format!("{head}${tail}")).is_none(), "{head}");
        }
        for text in [
            "$2b$31$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO",
            "$2b$03$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO",
            "$2b$04$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJ",
            "$2b$04$abcdefghijklmnopqrst!u3SFdFhSVnshMEpTN2dmv4xyeXJebAJO",
            "$2c$04$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO",
            "$scrypt$ln=10,r=8,p=1$c29tZXNhbHQ$AAAA",
            "$scrypt$ln=10,r=8,p=1$c29tZXNhbHQ",
            "$scrypt$ln=10,r=8,p=1$$c29tZXNhbHQ$c29tZXNhbHQ",
            "pbkdf2_sha256$1000$$15VlQVR+Suv9LqRu2ZuZmNzDqrIJNiAqNxxNikezZFo=",
            "pbkdf2_md5$1000$salt$15VlQVR+Suv9LqRu2ZuZmNzDqrIJNiAqNxxNikezZFo=",
            "$1$salt$hash",
            "plaintext",
        ] {
            assert!(ImportedHash::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn every_cut_is_read_without_harm_and_a_changed_hash_matches_nobody() {
        for good in GOOD {
            for cut in 0..good.len() {
                // What is left may be a shorter hash of the same password, which is how these functions are.
                let left = ImportedHash::read(&good[..cut]);
                assert!(left.is_none() || cut > good.len() / 2, "{}", &good[..cut]);
            }
            let at = good.len() - 12;
            let other = if good.as_bytes()[at] == b'x' { "y" } else { "x" };
            let changed = format!("{}{other}{}", &good[..at], &good[at + 1..]);
            let hash = ImportedHash::read(&changed).expect(&changed);
            assert!(!hash.matches(PASSWORD), "{changed}");
        }
    }

    #[test]
    fn the_stated_length_of_a_pbkdf2_hash_holds() {
        let text =
            "$pbkdf2-sha256$i=1000,l=31$c29tZXNhbHRzb21lc2FsdA$l8gXsOIzNdGSofe6bLHyWSu6HERcWy0CwTAA5jktKXM";
        assert!(ImportedHash::read(text).is_none());
    }
}
