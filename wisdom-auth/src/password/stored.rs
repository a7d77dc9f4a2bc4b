//! Stored hashes as PHC strings: an input like any other, read within bounds before anything is allocated for it.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::memory::HashMemory;
use super::params::{MAX_MEMORY_KIB, PasswordParams};

/// Longest PHC string looked at; ours have about 97 characters.
pub(super) const MAX_LENGTH: usize = 512;
/// Most passes of a stored hash.
const MAX_PASSES: u32 = 64;
/// Most lanes of a stored hash.
const MAX_LANES: u32 = 16;
/// Most memory times passes of a stored hash, in KiB: ten times over the largest memory.
const MAX_WORK_KIB: u64 = 10 * MAX_MEMORY_KIB as u64;
/// Bytes of salt and of output, as RFC 9106 recommends.
pub(super) const SALT: usize = 16;
const OUTPUT: usize = 32;

/// A stored hash that can be verified at a bounded cost.
pub(super) struct StoredHash {
    hash: PasswordHash,
    algorithm: Algorithm,
    version: Version,
    params: Params,
    current: bool,
}

impl StoredHash {
    /// Reads a PHC string; `None` when it is none of an Argon2 hash, or asks for more than the bounds.
    pub(super) fn read(phc: &str, today: &PasswordParams) -> Option<Self> {
        if phc.len() > MAX_LENGTH || !phc.is_ascii() {
            return None;
        }
        let hash = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        let bounded = params.m_cost() <= MAX_MEMORY_KIB
            && params.t_cost() <= MAX_PASSES
            && params.p_cost() <= MAX_LANES
            && work <= MAX_WORK_KIB;
        let (salt, output) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
        let current = algorithm == Algorithm::Argon2id
            && version == Version::V0x13
            && params.m_cost() == today.memory_kib()
            && params.t_cost() == today.passes()
            && params.p_cost() == today.lanes()
            && salt.len() >= SALT
            && output.len() == OUTPUT;
        bounded.then_some(Self {
            hash,
            algorithm,
            version,
            params,
            current,
        })
    }

    /// Whether the hash is of this password. Takes the hash's own cost.
    pub(super) fn matches(&self, password: &[u8], memory: &HashMemory) -> bool {
        let (Some(salt), Some(stored)) = (&self.hash.salt, &self.hash.hash) else {
            return false;
        };
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        let mut made = Zeroizing::new(vec![0; stored.len()]);
        let hashed = memory.lend(self.params.block_count(), |blocks| {
            argon2.hash_password_into_with_memory(password, salt, &mut made, blocks)
        });
        hashed.is_ok() && bool::from(made.ct_eq(stored.as_bytes()))
    }

    /// Memory in KiB, passes, lanes.
    #[cfg(any(test, fuzzing))]
    pub(super) const fn cost(&self) -> (u32, u32, u32) {
        (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
    }

    /// The text it is read from, in the form that we write.
    #[cfg(any(test, fuzzing))]
    pub(super) fn print(&self) -> String {
        self.hash.to_string()
    }

    /// Whether it was made at today's cost.
    pub(super) const fn is_current(&self) -> bool {
        self.current
    }
}

/// Hashes a password at today's cost.
pub(super) fn make(
    password: &[u8],
    salt: &[u8; SALT],
    today: &PasswordParams,
    memory: &HashMemory,
) -> Result<String, argon2::Error> {
    let params = Params::new(today.memory_kib(), today.passes(), today.lanes(), Some(OUTPUT))?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; OUTPUT];
    memory.lend(blocks, |blocks| {
        argon2.hash_password_into_with_memory(password, salt, &mut output, blocks)
    })?;
    Ok(write(salt, &output, today))
}

/// A hash of today's cost that no password has: its output is random.
pub(super) fn decoy(salt: &[u8; SALT], output: &[u8; OUTPUT], today: &PasswordParams) -> String {
    write(salt, output, today)
}

/// The PHC string of a hash of today's cost.
fn write(salt: &[u8; SALT], output: &[u8; OUTPUT], today: &PasswordParams) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        today.memory_kib(),
        today.passes(),
        today.lanes(),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> PasswordParams {
        PasswordParams::insecure_for_tests()
    }

    fn memory() -> HashMemory {
        HashMemory::new(64, 2)
    }

    #[test]
    fn what_was_made_reads_back_as_current() {
        let phc = make(b"correct horse", &[1; SALT], &today(), &memory()).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{phc}");
        let stored = StoredHash::read(&phc, &today()).unwrap();
        assert!(stored.is_current());
        assert!(stored.matches(b"correct horse", &memory()));
        assert!(!stored.matches(b"correct horsf", &memory()));
        assert!(
            !StoredHash::read(&phc, &PasswordParams::default())
                .unwrap()
                .is_current()
        );
    }

    #[test]
    fn what_an_earlier_hash_left_in_the_memory_does_not_matter() {
        let memory = memory();
        let fresh = make(b"correct horse", &[1; SALT], &today(), &memory).unwrap();
        for (algorithm, version) in [("argon2id", 19), ("argon2i", 19), ("argon2d", 16)] {
            let text = format!(
                "${algorithm}$v={version}$m=48,t=3,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
            );
            assert!(
                !StoredHash::read(&text, &today())
                    .unwrap()
                    .matches(b"other", &memory)
            );
            let again = make(b"correct horse", &[1; SALT], &today(), &memory).unwrap();
            assert_eq!(again, fresh);
        }
        let stored = StoredHash::read(&fresh, &today()).unwrap();
        assert!(stored.matches(b"correct horse", &memory) && !stored.matches(b"Correct horse", &memory));
    }

    #[test]
    fn a_decoy_reads_as_current_and_never_matches() {
        let phc = decoy(&[1; SALT], &[2; OUTPUT], &today());
        let stored = StoredHash::read(&phc, &today()).unwrap();
        assert!(stored.is_current());
        assert!(!stored.matches(b"", &memory()));
    }

    #[test]
    fn the_reference_vector_verifies_and_is_to_be_rehashed() {
        // From the command line tool of the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -m 16`.
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let stored = StoredHash::read(phc, &PasswordParams::default()).unwrap();
        assert!(stored.matches(b"password", &memory()));
        assert!(!stored.is_current());
    }

    #[test]
    fn absurd_strings_are_refused_before_anything_is_allocated() {
        let tail = "c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for head in [
            "$argon2id$v=19$m=4294967295,t=2,p=1",
            "$argon2id$v=19$m=4194304,t=2,p=1",
            "$argon2id$v=19$m=65536,t=1000000,p=1",
            "$argon2id$v=19$m=262144,t=64,p=1",
            "$argon2id$v=19$m=65536,t=2,p=16777215",
            "$argon2id$v=19$m=99999999999,t=2,p=1",
            "$argon2id$v=18$m=65536,t=2,p=1",
            "$argon2id$v=19$m=65536,t=2,x=1",
            "$scrypt$v=19$m=65536,t=2,p=1",
            "$2b$v=19$m=65536,t=2,p=1",
        ] {
            assert!(
                StoredHash::read(&format!("{head}${tail}"), &today()).is_none(),
                "{head}"
            );
        }
        for text in [
            "",
            "password",
            "$argon2id$v=19$m=65536,t=2,p=1",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=65536,t=2,p=1$!!!!!!!!$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$é",
            &format!("$argon2id$v=19$m=65536,t=2,p=1${}", "A".repeat(600)),
        ] {
            assert!(StoredHash::read(text, &today()).is_none(), "{text}");
        }
    }
}
