//! Passwords.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Passwords: argon2id (RFC 9106) with OWASP's parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordConfig {
    /// Memory of one hash in KiB, 7168 to 262144.
    pub memory_kib: u32,
    /// Passes, 1 to 16.
    pub passes: u32,
    /// Lanes, 1 to 4.
    pub lanes: u32,
    /// Shortest password in characters, 15 to 64; from 8 where `second_factor.required`.
    pub min_length: u32,
    /// Hashes computed at the same time; 0: one for each core.
    pub permits: u32,
    /// Hashes that wait; beyond, the answer is 503.
    pub queue: u32,
    /// A file of passwords that are refused, one a line (below `data_dir` unless absolute), beside what is built in.
    pub blocklist_file: Option<String>,
    /// Earlier passwords that must not come back, 0 to 10.
    pub history: u32,
    /// Words of the service's own, such as the product's name, that must not be the password.
    pub context_words: Vec<String>,
    /// Keys that passwords go through before they are hashed, each as `ID=REFERENCE`. The first is for new hashes, the
    /// others are still verified with. Empty: none.
    pub pepper: Vec<String>,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            min_length: 15,
            permits: 0,
            queue: 64,
            blocklist_file: None,
            history: 0,
            context_words: Vec::new(),
            pepper: Vec::new(),
        }
    }
}
