//! The providers one can sign in with, as configured.

use std::sync::Arc;

use url::Url;
use wisdom_auth::federation::{
    Federation, Organization, Provider, ProviderKind, ProviderSettings, ReturnTargets,
};
use wisdom_core::port::http_client::HttpClient;

use super::OpenError;
use crate::config::{Config, ProviderConfig, ProviderPreset, resolve};

const PROVIDERS: &str = "auth.providers";

pub(super) fn open(config: &Config, http: &Arc<dyn HttpClient>) -> Result<Federation, OpenError> {
    let federation = &config.auth.federation;
    let everything = || vec![format!("{}/*", config.app_url())];
    let rules = federation.return_to.clone().unwrap_or_else(everything);
    let returns = ReturnTargets::parse(rules).map_err(|error| OpenError::Value {
        key: "auth.federation.return_to",
        rule: error.to_string(),
    })?;
    let mut opened = Federation::new(returns);
    for (name, provider) in &config.auth.providers {
        let wrong = |rule: String| OpenError::Value {
            key: PROVIDERS,
            rule: format!("`{name}`: {rule}"),
        };
        let settings = settings(name, provider, callback(config, name)?).map_err(wrong)?;
        let provider = Provider::new(settings, Arc::clone(http)).map_err(|error| wrong(error.to_string()))?;
        opened = opened.with(provider);
    }
    Ok(opened)
}

fn callback(config: &Config, name: &str) -> Result<Url, OpenError> {
    let path = &config.auth.federation.callback_path;
    let text = format!("{}{path}/{name}", config.app_url());
    let plain = path.starts_with('/') && !path.ends_with('/') && !path.contains(['?', '#', '\\']);
    Url::parse(&text)
        .ok()
        .filter(|url| plain && url.as_str() == text)
        .ok_or_else(|| OpenError::Value {
            key: "auth.federation.callback_path",
            rule: "must be a path such as /auth/callback, without a slash at its end".to_owned(),
        })
}

fn settings(name: &str, provider: &ProviderConfig, redirect_uri: Url) -> Result<ProviderSettings, String> {
    let preset = provider.kind;
    for (key, given, belongs_to) in [
        ("issuer", &provider.issuer, ProviderPreset::Oidc),
        ("tenant", &provider.tenant, ProviderPreset::Microsoft),
        ("server", &provider.server, ProviderPreset::Github),
    ] {
        if given.is_some() && preset != belongs_to {
            return Err(format!("{key} means nothing for this kind of provider"));
        }
    }
    let kind = match preset {
        ProviderPreset::Oidc => ProviderKind::OpenId {
            issuer: provider.issuer.clone().ok_or("issuer is missing")?,
        },
        ProviderPreset::Google => ProviderKind::Google,
        ProviderPreset::Microsoft => ProviderKind::Microsoft {
            tenant: provider
                .tenant
                .clone()
                .unwrap_or_else(|| "organizations".to_owned()),
        },
        ProviderPreset::Github => ProviderKind::GitHub {
            server: provider.server.clone(),
        },
    };
    let secret = provider.client_secret.as_deref().map(resolve).transpose();
    Ok(ProviderSettings {
        name: name.to_owned(),
        title: provider.title.clone().unwrap_or_else(|| name.to_owned()),
        kind,
        client_id: provider.client_id.clone(),
        client_secret: secret.map_err(|error| format!("client_secret: {error}"))?,
        scopes: provider.scopes.clone(),
        redirect_uri,
        sign_up: provider.sign_up,
        link_by_email: provider.link_by_email,
        domains: provider.domains.clone(),
        organization: provider.organization.map(|tenant| Organization {
            tenant,
            role: provider.organization_role,
        }),
        allow_loopback: provider.allow_loopback,
    })
}

#[cfg(test)]
mod tests {
    use wisdom_core::port::http_client::MockHttpClient;

    use super::*;

    const TENANT: &str = "tnt_01kaaaaaaaaaaaaaaaaaaaaaaa";

    fn attempt(text: &str) -> Result<Federation, String> {
        let config: Config = text.parse().map_err(|error| format!("{error}"))?;
        let http: Arc<dyn HttpClient> = Arc::new(MockHttpClient::new());
        open(&config, &http).map_err(|error| error.to_string())
    }

    #[test]
    fn presets_and_any_issuer_open_without_a_call() {
        let federation = attempt(
            "app_url = 'https://app.acme.example'
             [auth.providers.google]
             kind = 'google'
             client_id = 'g'
             [auth.providers.work]
             kind = 'microsoft'
             client_id = 'm'
             [auth.providers.github]
             kind = 'github'
             client_id = 'h'
             [auth.providers.acme]
             issuer = 'https://id.acme.example'
             client_id = 'a'
             title = 'Acme'",
        )
        .unwrap();
        let names: Vec<&str> = federation.providers().map(Provider::name).collect();
        assert_eq!(names, ["acme", "github", "google", "work"]);
        let settings = federation.provider("acme").unwrap().settings();
        assert_eq!(
            settings.redirect_uri.as_str(),
            "https://app.acme.example/auth/callback/acme"
        );
        assert!(federation.returns().allow("https://app.acme.example/orders?id=1"));
        assert!(!federation.returns().allow("https://evil.example/"));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let provider = |lines: &str| format!("[auth.providers.acme]\nclient_id = 'a'\n{lines}");
        for (text, rule) in [
            (provider(""), "issuer is missing"),
            (provider("issuer = 'http://id.example.com'"), "issuer and server must be https"),
            (provider("issuer = 'http://127.0.0.1:9'"), "issuer and server must be https"),
            (provider("issuer = 'https://10.0.0.1'"), "issuer and server must be https"),
            (provider("issuer = 'https://a.example'\nclient_secret = 'hush'"), "client_secret: a secret must be given"),
            (provider("issuer = 'https://a.example'\nscopes = ['email']"), "must hold openid"),
            (
                provider(&format!("issuer = 'https://a.example'\norganization = '{TENANT}'")),
                "an organization needs domains",
            ),
            (
                provider(&format!(
                    "issuer = 'https://a.example'\norganization = '{TENANT}'\ndomains = ['a.example']\norganization_role = 'admin'"
                )),
                "an organization needs domains",
            ),
            (
                provider("issuer = 'https://a.example'\ndomains = ['A.example']"),
                "lower-case ASCII",
            ),
            (provider("kind = 'google'\nissuer = 'https://a.example'"), "issuer means nothing"),
            (provider("kind = 'microsoft'\ntenant = '../evil'"), "tenant must be"),
            (provider("kind = 'github'\nserver = 'ftp://a'"), "issuer and server must be https"),
            ("[auth.providers.Acme]\nclient_id = 'a'\nkind = 'google'".to_owned(), "the name must be"),
            ("[auth.providers.acme]\nkind = 'google'".to_owned(), "client_id and client_secret"),
            ("[auth.federation]\nreturn_to = ['*']".to_owned(), "`auth.federation.return_to`"),
            ("[auth.federation]\ncallback_path = 'cb'\n[auth.providers.a]\nkind = 'google'\nclient_id = 'a'".to_owned(), "callback_path"),
            ("[auth.federation]\nattempt_seconds = 601".to_owned(), "must be 60 to 600"),
        ] {
            let error = attempt(&text).unwrap_err();
            assert!(error.contains(rule), "{text}: {error}");
            assert!(!error.contains("hush"));
        }
    }
}
