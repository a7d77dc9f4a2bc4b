//! Commands that only tell.

use std::sync::Arc;

use serde_json::Value;
use url::Url;
use wisdom_adapters::Wisdom;
use wisdom_adapters::config::{Config, TokenAlgorithm};
use wisdom_adapters::keys::{KeySchedule, Keys};
use wisdom_core::clock::SystemClock;
use wisdom_core::id::SystemIds;
use wisdom_core::policy::Policies;
use wisdom_core::random::{SecureRandom, SystemRandom};
use wisdom_core::unit_of_work::Kit;

use super::Trouble;
use crate::{cors, openapi, routes};

pub(super) fn check(config: &Config) -> Result<(), Trouble> {
    cors::layer(&config.server).map_err(|error| error.to_string())?;
    tracing_subscriber::EnvFilter::try_new(&config.log.level)
        .map_err(|error| format!("`log.level`: {error}"))?;
    say!("The configuration is good.");
    Ok(())
}

pub(super) fn config(config: &Config) -> Result<(), Trouble> {
    let mut value = serde_json::to_value(config).map_err(|error| error.to_string())?;
    redact(&mut value);
    print(&value)
}

pub(super) fn openapi(wisdom: &Wisdom) -> Result<(), Trouble> {
    let document =
        openapi::document(wisdom.catalogue(), &routes::all()).map_err(|error| error.to_string())?;
    print(&document)
}

pub(super) fn operations(wisdom: &Wisdom) {
    let routes = routes::all();
    for entry in wisdom.catalogue().iter() {
        let route = routes.iter().find(|route| route.operation == entry.name);
        let place = route.map_or_else(
            || "-".to_owned(),
            |route| format!("{} {}", route.method, route.path),
        );
        say!("{:<36} {:<38} {place}", entry.name, entry.access.to_string());
    }
}

/// Makes a new signing key. Running servers take it up by themselves.
pub(super) fn rotate(
    config: &Config,
    algorithm: Option<TokenAlgorithm>,
    at_once: bool,
) -> Result<(), Trouble> {
    let random: Arc<dyn SecureRandom> = Arc::new(SystemRandom);
    let keys = Keys::open(config, &random).map_err(|error| error.to_string())?;
    let kit = Kit {
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        random,
        sealer: keys.sealer(),
        policies: Policies::new(),
    };
    let mut schedule = KeySchedule::of(config);
    if let Some(algorithm) = algorithm {
        schedule.algorithm = algorithm.into();
    }
    if at_once {
        schedule = schedule.at_once();
    }
    keys.rotate_signing(schedule, &kit)
        .map_err(|error| error.to_string())?;
    let name = schedule.algorithm.as_str();
    if at_once {
        say!(
            "A new {name} signing key is there. The old keys are worth nothing; servers know within 10 seconds."
        );
    } else {
        say!(
            "A new {name} signing key is there. It signs in {} seconds, so that every server knows it by then.",
            schedule.announce.as_secs()
        );
    }
    Ok(())
}

fn print(value: &Value) -> Result<(), Trouble> {
    say!(
        "{}",
        serde_json::to_string_pretty(value).map_err(|error| error.to_string())?
    );
    Ok(())
}

/// Secrets belong behind references, but a URL can hold one all the same.
fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(redact),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::String(text) => {
            if let Some(hidden) = hide(text) {
                *text = hidden;
            }
        }
        _ => {}
    }
}

/// The URL with everything hidden that is a secret by its place.
fn hide(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    let mut changed = false;
    if url.password().is_some_and(|password| !password.is_empty()) {
        changed = url.set_password(Some("***")).is_ok();
    }
    let secret = |name: &str| {
        ["password", "passwd", "secret", "token", "key"]
            .iter()
            .any(|word| name.contains(word))
    };
    let reference = |value: &str| value.starts_with("env:") || value.starts_with("file:");
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if pairs
        .iter()
        .any(|(name, value)| secret(name) && !reference(value))
    {
        changed = true;
        let shown = pairs.iter().map(|(name, value)| {
            (
                name.as_str(),
                if secret(name) && !reference(value) {
                    "***"
                } else {
                    value.as_str()
                },
            )
        });
        url.query_pairs_mut().clear().extend_pairs(shown);
    }
    changed.then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn passwords_in_urls_are_hidden() {
        let mut value = json!({
            "a": "postgres://wisdom:hunter2@db.example/w?sslmode=require",
            "b": ["hubspot:?token=pat-1&base=https://x.example"],
            "c": "stripe:?key=env:STRIPE_KEY",
            "d": "sqlite:wisdom.db",
            "e": "postgres://db.example/w?password=hunter2",
        });
        redact(&mut value);
        let text = value.to_string();
        assert!(!text.contains("hunter2") && !text.contains("pat-1"), "{text}");
        assert!(text.contains("wisdom:***@db.example"), "{text}");
        assert!(
            text.contains("env:STRIPE_KEY") && text.contains("sqlite:wisdom.db"),
            "{text}"
        );
    }
}
