//! What the kit takes from its surroundings: environment variables and unique names. Nothing else here does.

use std::ffi::OsString;
use std::path::PathBuf;

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration file: the test command speaks to the kit by environment variables"
)]
fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Address of a server to use instead of a private one.
pub(super) fn database_url() -> Option<String> {
    read("WISDOM_TEST_DATABASE_URL").map(|value| value.to_string_lossy().into_owned())
}

/// Whether a missing service is a failure.
pub(super) fn services_required() -> bool {
    read("WISDOM_TEST_REQUIRE_SERVICES").is_some_and(|value| value == "1")
}

/// Folders in which programs are looked for, the first hit wins.
pub(super) fn program_folders() -> Vec<PathBuf> {
    let chosen = read("WISDOM_PG_BIN").map(PathBuf::from);
    let path = read("PATH").unwrap_or_default();
    chosen.into_iter().chain(std::env::split_paths(&path)).collect()
}

/// Text that no other test process comes up with: 32 hex digits, 122 random bits.
#[expect(
    clippy::disallowed_methods,
    reason = "names of test databases must differ between processes, so no deterministic source fits"
)]
pub(super) fn unique() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
