//! Configuration of API keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// API keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApiKeysConfig {
    /// What the text of every key begins with: 2 to 20 characters of `a` to `z`, `0` to `9` and `_`. Keys of an earlier
    /// prefix are refused.
    pub prefix: String,
    /// Keys of a tenant that are neither revoked nor at their end, at most: 1 to 10000.
    pub max_per_tenant: u32,
}

impl Default for ApiKeysConfig {
    fn default() -> Self {
        Self {
            prefix: "wk_live".to_owned(),
            max_per_tenant: 200,
        }
    }
}
