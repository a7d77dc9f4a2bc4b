//! What passwords are checked and hashed with, from the configuration.

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use wisdom_auth::attempts::AttemptPolicy;
use wisdom_auth::password::{LoadedBlocklist, PasswordPolicy, Peppers};

use super::OpenError;
use crate::config::{Config, resolve};

const BLOCKLIST: &str = "auth.password.blocklist_file";
const PEPPER: &str = "auth.password.pepper";

/// The policy for passwords that are chosen, with the list of refused ones loaded.
pub(super) fn policy(config: &Config) -> Result<PasswordPolicy, OpenError> {
    let figures = &config.auth.password;
    let refused = |key, rule: String| OpenError::Value { key, rule };
    let mut policy = PasswordPolicy::with_minimum(figures.min_length as usize)
        .map_err(|e| refused("auth.password.min_length", e.to_string()))?
        .with_context_words(figures.context_words.iter().cloned())
        .with_history(figures.history);
    if let Some(file) = &figures.blocklist_file {
        let path = config.data_path(file);
        let list = File::open(&path)
            .and_then(|file| LoadedBlocklist::read(BufReader::new(file)))
            .map_err(|e| refused(BLOCKLIST, format!("{} cannot be read: {e}", path.display())))?;
        // An empty list is a mistake in the path far more often than a wish.
        if list.is_empty() {
            return Err(refused(
                BLOCKLIST,
                format!("{} holds no password", path.display()),
            ));
        }
        tracing::info!(passwords = list.len(), "a list of refused passwords was loaded");
        policy = policy.with_blocklist(Arc::new(list));
    }
    Ok(policy)
}

/// How often credentials may be tried.
pub(super) fn attempts(config: &Config) -> Result<AttemptPolicy, OpenError> {
    let figures = &config.auth.attempts;
    let policy = AttemptPolicy {
        pause_from: figures.pause_from,
        first_pause_seconds: figures.first_pause_seconds,
        longest_pause_seconds: figures.longest_pause_seconds,
        most: figures.most,
        per_source: figures.per_source,
        source_window_seconds: figures.source_window_seconds,
        ..AttemptPolicy::default()
    };
    policy.check().map_err(|figure| OpenError::Value {
        key: "auth.attempts",
        rule: format!("has a `{figure}` that does not go with the others"),
    })?;
    Ok(policy)
}

/// The keys that passwords go through.
pub(super) fn peppers(config: &Config) -> Result<Peppers, OpenError> {
    let mut keys = Vec::new();
    for entry in &config.auth.password.pepper {
        let (id, reference) = entry.split_once('=').ok_or_else(|| OpenError::Value {
            key: PEPPER,
            rule: "each must be ID=env:NAME or ID=file:PATH".to_owned(),
        })?;
        let key = resolve(reference).map_err(|source| OpenError::Secret { key: PEPPER, source })?;
        keys.push((id.to_owned(), key));
    }
    Peppers::new(keys).map_err(|e| OpenError::Value {
        key: PEPPER,
        rule: e.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use wisdom_auth::password::{PersonalWords, WeakPassword};
    use wisdom_core::secret::SecretText;
    use wisdom_core::value::EmailAddress;

    use super::*;

    fn config_in(folder: &std::path::Path) -> Config {
        Config {
            data_dir: folder.to_owned(),
            ..Config::in_memory()
        }
    }

    #[test]
    fn a_list_is_loaded_from_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("list.txt"), "Some Long Listed Phrase\n").unwrap();
        let mut config = config_in(folder.path());
        config.auth.password.blocklist_file = Some("list.txt".into());
        let policy = policy(&config).unwrap();
        let email = EmailAddress::parse("anna@example.test").unwrap();
        let person = PersonalWords {
            email: &email,
            display_name: None,
        };
        let check = |text: &str| policy.check(&SecretText::from(text.to_owned()), person);
        assert_eq!(check("some long listed phrase"), Err(WeakPassword::Blocked));
        assert_eq!(check("some long other phrase"), Ok(()));
    }

    #[test]
    fn a_list_that_is_missing_or_empty_stops_the_start() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("empty.txt"), "\n\n").unwrap();
        let mut config = config_in(folder.path());
        for name in ["missing.txt", "empty.txt"] {
            config.auth.password.blocklist_file = Some(name.into());
            let error = policy(&config).unwrap_err().to_string();
            assert!(error.contains(BLOCKLIST) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn peppers_come_by_reference_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pepper");
        std::fs::write(&path, "k".repeat(32)).unwrap();
        let mut config = config_in(folder.path());
        config.auth.password.pepper = vec![format!("k1=file:{}", path.display())];
        assert!(peppers(&config).is_ok());
        for bad in [
            "k1".to_owned(),
            format!("k1={}", "k".repeat(32)),
            format!("K=file:{}", path.display()),
        ] {
            config.auth.password.pepper = vec![bad];
            assert!(peppers(&config).is_err());
        }
    }
}
