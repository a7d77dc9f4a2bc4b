//! The relying party of passkeys, as configured.

use wisdom_auth::passkey::{PasskeyPolicy, PasskeyService};

use super::OpenError;
use super::builder::{seconds, value};
use crate::config::Config;

pub(super) fn policy(config: &Config) -> Result<PasskeyPolicy, OpenError> {
    let figures = &config.auth.passkeys;
    PasskeyPolicy::default()
        .lives(seconds(figures.ceremony_seconds))
        .and_then(|policy| policy.at_most(figures.max_per_user))
        .map_err(|e| value("auth.passkeys")(&e))
}

/// None where the feature is left out.
#[cfg(not(feature = "passkeys"))]
pub(super) fn open(config: &Config) -> Result<PasskeyService, OpenError> {
    let figures = &config.auth.passkeys;
    if figures.rp_id.is_some() || figures.origins.is_some() {
        return Err(OpenError::Value {
            key: "auth.passkeys",
            rule: "this program was built without passkeys".to_owned(),
        });
    }
    Ok(PasskeyService::default())
}

/// None where nothing is said of passkeys and `app_url` is of no origin that may use them: an address in place of a name,
/// or `http` on another host than `localhost`.
#[cfg(feature = "passkeys")]
pub(super) fn open(config: &Config) -> Result<PasskeyService, OpenError> {
    use wisdom_auth::passkey::{RelyingParty, RelyingPartySettings};

    let figures = &config.auth.passkeys;
    let app_url = config.app_url().as_str();
    let host = url::Url::parse(app_url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let name = figures
        .rp_name
        .as_ref()
        .unwrap_or(&config.auth.second_factor.issuer);
    let settings = RelyingPartySettings {
        id: figures.rp_id.clone().or(host).unwrap_or_default(),
        name: name.clone(),
        origins: figures
            .origins
            .clone()
            .unwrap_or_else(|| vec![app_url.to_owned()]),
        user_verification: figures.user_verification,
        resident_key: figures.resident_key,
        life: seconds(figures.ceremony_seconds),
    };
    match RelyingParty::new(&settings) {
        Ok(relying_party) => Ok(PasskeyService::new(relying_party)),
        Err(error) if figures.rp_id.is_some() || figures.rp_name.is_some() || figures.origins.is_some() => {
            Err(value("auth.passkeys")(&error))
        }
        Err(reason) => {
            tracing::info!(%reason, "passkeys are not set up: app_url is of no origin that may use them");
            Ok(PasskeyService::default())
        }
    }
}

#[cfg(all(test, feature = "passkeys"))]
mod tests {
    use super::*;

    fn attempt(text: &str) -> Result<PasskeyService, String> {
        let config: Config = text.parse().map_err(|error| format!("{error}"))?;
        open(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_application_is_the_relying_party_unless_something_else_is_said() {
        for text in [
            "app_url = 'https://app.acme.example'",
            "app_url = 'http://localhost:5173'",
            "app_url = 'https://app.acme.example'\n[auth.passkeys]\nrp_id = 'acme.example'",
            "app_url = 'https://app.acme.example'\n[auth.passkeys]\nrp_id = 'acme.example'\n\
             origins = ['https://app.acme.example', 'https://acme.example:8443']",
        ] {
            assert!(attempt(text).unwrap().relying_party().is_ok(), "{text}");
        }
        for text in [
            "",
            "app_url = 'https://192.0.2.1'",
            "app_url = 'http://app.acme.example'",
        ] {
            assert!(attempt(text).unwrap().relying_party().is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (lines, rule) in [
            (
                "rp_id = 'evil.example'",
                "the origin https://app.acme.example must be",
            ),
            (
                "rp_id = 'cme.example'",
                "the origin https://app.acme.example must be",
            ),
            ("rp_id = 'example'", "the id must be a domain"),
            ("rp_id = 'Acme.example'", "the id must be a domain"),
            ("rp_id = 'acme.example.'", "the id must be a domain"),
            ("rp_id = '192.0.2.1'", "the id must be a domain"),
            ("rp_id = ''", "the id must be a domain"),
            ("origins = []", "there must be an origin"),
            (
                "origins = ['https://app.acme.example/']",
                "the origin https://app.acme.example/ must be",
            ),
            (
                "origins = ['https://app.acme.example/x']",
                "must be https, without a path",
            ),
            (
                "origins = ['http://app.acme.example']",
                "must be https, without a path",
            ),
            (
                "origins = ['https://evil.example']",
                "must be https, without a path",
            ),
            ("rp_name = ''", "the name must have"),
            ("user_verification = 'discouraged'", "user_verification"),
            ("ceremony_seconds = 301", "must be 30 to 300"),
            ("max_per_user = 21", "must be 1 to 20"),
        ] {
            let text = format!("app_url = 'https://app.acme.example'\n[auth.passkeys]\n{lines}");
            let error = attempt(&text).unwrap_err();
            assert!(error.contains(rule), "{lines}: {error}");
        }
    }
}
