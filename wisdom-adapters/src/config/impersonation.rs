//! Configuration of operators who act for users.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Operators who may act for users. Nobody by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImpersonationConfig {
    /// Operators who may see what a user sees: user ids, or addresses that they have proven.
    pub readers: Vec<String>,
    /// Operators who may also change things in a user's name.
    pub writers: Vec<String>,
    /// How long one lasts, in seconds, 60 to 1800. It cannot be renewed.
    pub seconds: u32,
}

impl Default for ImpersonationConfig {
    fn default() -> Self {
        Self {
            readers: Vec::new(),
            writers: Vec::new(),
            seconds: 1800,
        }
    }
}
