//! Finding and reading the contract data, which is shared beside the project and never copied into it.

use std::path::PathBuf;

use serde_json::Value;

/// Reads one JSON file of the contract data, for example `stripe/openapi.json`.
pub(crate) fn read(path: &str) -> Value {
    let file = root().join("contracts").join(path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|cause| {
        panic!(
            "{} can't be read ({cause}). The contract tests need the folder that holds `contracts/`, named by \
             WISDOM_SHARED or standing at ../shared beside the workspace. The same data can be had from the vendors' \
             own Python clients: `stripe` 16.1.0 and `hubspot-api-client` 12.0.0.",
            file.display()
        )
    });
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{} is not JSON: {cause}", file.display()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests find their data by the environment"
)]
fn root() -> PathBuf {
    std::env::var_os("WISDOM_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    )
}

/// The request that the vendor's own client sent for a call.
pub(crate) fn golden(vendor: &str, call: &str) -> Value {
    let all = read(&format!("{vendor}/golden-requests.json"));
    let calls = all["calls"].as_array().unwrap();
    calls
        .iter()
        .find(|entry| entry["call"] == call)
        .unwrap_or_else(|| panic!("no golden call {call}"))["request"]
        .clone()
}
