//! A provider: how it is configured, and what is asked of it.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use url::Url;
use wisdom_core::access::Role;
use wisdom_core::id::TenantId;
use wisdom_core::port::http_client::{AddressPolicy, HttpClient};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Kit;
use wisdom_core::value::EmailAddress;

use super::assertion::{Assertion, AssertionFault};
use super::attempt::AttemptSecrets;
use super::directory::{Directory, Want};
use super::error::FederationError;
use super::exchange::{self, Grant};
use super::id_token::{Expected, IdToken, IssuerRule};
use super::{github, id_token};

const GOOGLE: &str = "https://accounts.google.com";
const MICROSOFT: &str = "https://login.microsoftonline.com";
const GITHUB: &str = "https://github.com";
const GITHUB_API: &str = "https://api.github.com";
const MAX_TEXT: usize = 255;

/// What a provider speaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderKind {
    /// Any `OpenID` provider with discovery.
    OpenId {
        /// The issuer, exactly as the provider writes it.
        issuer: String,
    },
    /// Google.
    Google,
    /// Microsoft Entra.
    Microsoft {
        /// The directory: its id, or `organizations`, `consumers` or `common` for any.
        tenant: String,
    },
    /// GitHub, which speaks OAuth 2.0 without `OpenID` Connect.
    GitHub {
        /// Another installation (GitHub Enterprise Server), such as `https://github.example.com`.
        server: Option<String>,
    },
}

/// The organization that a provider belongs to. Whoever comes through it with an address of one of its domains becomes a
/// member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Organization {
    /// The tenant.
    pub tenant: TenantId,
    /// What they become, at most [`Role::Member`]. Who is more already stays it.
    pub role: Role,
}

/// How a provider is configured.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its name in paths: 1 to 32 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it speaks.
    pub kind: ProviderKind,
    /// Our id there.
    pub client_id: String,
    /// Our secret there; `None` for a public client, which PKCE alone protects.
    pub client_secret: Option<SecretText>,
    /// What is asked for; empty for what the kind needs (`openid email profile`).
    pub scopes: Vec<String>,
    /// Where the provider sends the browser back to. Each provider has one of its own, so that the answer of one is never
    /// taken for the answer of another (RFC 9700, section 4.4).
    pub redirect_uri: Url,
    /// Whether people without an account get one.
    pub sign_up: bool,
    /// Whether an account whose address both sides have verified is joined without asking.
    pub link_by_email: bool,
    /// The domains whose addresses it may vouch for, in lower-case ASCII; empty for any. An address of another domain is as
    /// good as none.
    pub domains: Vec<String>,
    /// The organization whose people it signs in, if it is one's own.
    pub organization: Option<Organization>,
    /// Whether the provider may be on this machine, and speak `http`: for tests and development.
    pub allow_loopback: bool,
}

/// A provider is not usable as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProviderSettingsError {
    /// The name.
    #[error("the name must be 1 to 32 of a-z, 0-9 and -")]
    Name,
    /// The client id or the secret.
    #[error("client_id and client_secret must be 1 to 255 visible ASCII characters")]
    Client,
    /// The issuer or the server.
    #[error(
        "issuer and server must be https addresses without query and fragment, or http on this machine where allow_loopback is set"
    )]
    Issuer,
    /// Microsoft's tenant.
    #[error("tenant must be a directory's id, organizations, consumers or common")]
    Tenant,
    /// The domains, or the organization's role.
    #[error(
        "an organization needs domains, which must be lower-case ASCII, and gives at most the role member"
    )]
    Organization,
    /// A scope.
    #[error(
        "scopes must be visible ASCII without quotes and backslashes, and those of OpenID Connect must hold openid"
    )]
    Scopes,
}

pub(super) enum Protocol {
    OpenId {
        issuer: IssuerRule,
        directory: Directory,
    },
    GitHub(github::Endpoints),
}

/// A configured provider and what is known of it.
pub struct Provider {
    settings: ProviderSettings,
    pub(super) protocol: Protocol,
    http: Arc<dyn HttpClient>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.settings.name)
            .field("kind", &self.settings.kind)
            .finish_non_exhaustive()
    }
}

impl Provider {
    /// Checks the settings. Nothing is fetched before somebody signs in.
    ///
    /// # Errors
    /// [`ProviderSettingsError`].
    pub fn new(
        mut settings: ProviderSettings,
        http: Arc<dyn HttpClient>,
    ) -> Result<Self, ProviderSettingsError> {
        check_texts(&settings)?;
        check_organization(&settings)?;
        let policy = addresses(settings.allow_loopback);
        let open_id = |rule: IssuerRule, base: &str| {
            let address = endpoint(
                &format!("{}/.well-known/openid-configuration", base.trim_end_matches('/')),
                policy,
            )
            .ok_or(ProviderSettingsError::Issuer)?;
            Ok(Protocol::OpenId {
                directory: Directory::new(address, rule.clone(), policy, Arc::clone(&http)),
                issuer: rule,
            })
        };
        let protocol = match &settings.kind {
            ProviderKind::OpenId { issuer } => open_id(IssuerRule::Exact(issuer.clone()), issuer)?,
            ProviderKind::Google => open_id(IssuerRule::Exact(GOOGLE.to_owned()), GOOGLE)?,
            ProviderKind::Microsoft { tenant } => {
                let base = format!("{MICROSOFT}/{tenant}/v2.0");
                let rule = match tenant.as_str() {
                    "organizations" | "consumers" | "common" => IssuerRule::OfDirectory {
                        before: format!("{MICROSOFT}/"),
                        after: "/v2.0".to_owned(),
                    },
                    id if uuid::Uuid::try_parse(id).is_ok() => IssuerRule::Exact(base.clone()),
                    _ => return Err(ProviderSettingsError::Tenant),
                };
                open_id(rule, &base)?
            }
            ProviderKind::GitHub { server } => {
                let (site, api) = match server.as_deref().map(|text| text.trim_end_matches('/')) {
                    Some(server) => (server.to_owned(), format!("{server}/api/v3")),
                    None => (GITHUB.to_owned(), GITHUB_API.to_owned()),
                };
                let found = github::Endpoints::new(&site, &api, policy);
                Protocol::GitHub(found.ok_or(ProviderSettingsError::Issuer)?)
            }
        };
        if settings.scopes.is_empty() {
            let needed: &[&str] = match protocol {
                Protocol::OpenId { .. } => &["openid", "email", "profile"],
                Protocol::GitHub(_) => &["read:user", "user:email"],
            };
            settings.scopes = needed.iter().map(|scope| (*scope).to_owned()).collect();
        }
        let asks_for_id_token = settings.scopes.iter().any(|scope| scope == "openid");
        if matches!(protocol, Protocol::OpenId { .. }) && !asks_for_id_token {
            return Err(ProviderSettingsError::Scopes);
        }
        Ok(Self {
            settings,
            protocol,
            http,
        })
    }

    /// Its name in paths.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// How it is configured.
    #[must_use]
    pub const fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    pub(super) fn addresses(&self) -> AddressPolicy {
        addresses(self.settings.allow_loopback)
    }

    pub(super) fn http(&self) -> &dyn HttpClient {
        &*self.http
    }

    /// Where to send the browser.
    pub(super) async fn authorization_url(
        &self,
        kit: &Kit,
        secrets: &AttemptSecrets,
    ) -> Result<Url, FederationError> {
        let mut url = match &self.protocol {
            Protocol::OpenId { directory, .. } => {
                directory.metadata(kit).await?.authorization_endpoint.clone()
            }
            Protocol::GitHub(endpoints) => endpoints.authorize.clone(),
        };
        let settings = &self.settings;
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &settings.client_id)
                .append_pair("redirect_uri", settings.redirect_uri.as_str())
                .append_pair("scope", &settings.scopes.join(" "))
                .append_pair("state", secrets.state().expose())
                .append_pair("code_challenge", &secrets.challenge())
                .append_pair("code_challenge_method", "S256");
            if matches!(self.protocol, Protocol::OpenId { .. }) {
                query.append_pair("nonce", &secrets.nonce());
            }
        }
        Ok(url)
    }

    /// What the provider says about whoever came back with this code, as far as it may say it.
    pub(super) async fn assertion(
        &self,
        kit: &Kit,
        secrets: &AttemptSecrets,
        code: &SecretText,
        issuer: Option<&str>,
    ) -> Result<Assertion, FederationError> {
        let said = self.whole_assertion(kit, secrets, code, issuer).await?;
        Ok(Assertion {
            verified_email: said
                .verified_email
                .filter(|email| self.may_vouch_for(email.domain())),
            ..said
        })
    }

    fn may_vouch_for(&self, domain: &str) -> bool {
        let domains = &self.settings.domains;
        domains.is_empty() || domains.iter().any(|known| known == domain)
    }

    /// Whether people with addresses of this domain are to be sent here.
    pub(super) fn is_for(&self, domain: &str) -> bool {
        self.settings.organization.is_some() && self.may_vouch_for(domain)
    }

    async fn whole_assertion(
        &self,
        kit: &Kit,
        secrets: &AttemptSecrets,
        code: &SecretText,
        issuer: Option<&str>,
    ) -> Result<Assertion, FederationError> {
        match &self.protocol {
            Protocol::GitHub(endpoints) => {
                if issuer.is_some_and(|issuer| issuer != endpoints.issuer) {
                    return Err(AssertionFault::Issuer.into());
                }
                let grant = exchange::redeem(self, &endpoints.token, false, secrets, code).await?;
                github::person(self, endpoints, &grant).await
            }
            Protocol::OpenId {
                issuer: rule,
                directory,
            } => {
                let metadata = directory.metadata(kit).await?;
                rule.check_answer(issuer, metadata.answers_with_issuer)?;
                let grant =
                    exchange::redeem(self, &metadata.token_endpoint, metadata.basic, secrets, code).await?;
                let person = self
                    .id_token(kit, rule, directory, secrets, &grant, issuer)
                    .await?;
                match &metadata.userinfo_endpoint {
                    Some(address) if person.verified_email.is_none() => {
                        self.userinfo(address, &grant, person).await
                    }
                    _ => Ok(person),
                }
            }
        }
    }

    async fn id_token(
        &self,
        kit: &Kit,
        rule: &IssuerRule,
        directory: &Directory,
        secrets: &AttemptSecrets,
        grant: &Grant,
        answered: Option<&str>,
    ) -> Result<Assertion, FederationError> {
        let text = grant.id_token.as_ref().ok_or(AssertionFault::Form)?;
        let token = IdToken::read(text.expose())?;
        let mut keys = directory.keys(kit, Want::Known).await?;
        if keys.find(token.kid(), token.algorithm()).is_none() {
            keys = directory.keys(kit, Want::Newer).await?;
        }
        let expected = Expected {
            issuer: rule,
            answered,
            client_id: &self.settings.client_id,
            nonce: &secrets.nonce(),
            access_token: Some(&grant.access_token),
        };
        Ok(token.verify(&keys, &expected, kit.clock.now())?)
    }

    /// Adds what the ID token left out (`OpenID` Connect Core 1.0, section 5.3.2): many providers give the address here only.
    async fn userinfo(
        &self,
        address: &Url,
        grant: &Grant,
        person: Assertion,
    ) -> Result<Assertion, FederationError> {
        let answer = exchange::ask(self, address, grant).await?;
        let claims = answer.as_object().ok_or(AssertionFault::Form)?;
        // An access token that was swapped for somebody else's would tell of somebody else.
        if claims.get("sub").and_then(serde_json::Value::as_str) != Some(person.subject.as_str()) {
            return Err(AssertionFault::Claims.into());
        }
        Ok(Assertion {
            verified_email: id_token::verified_email(claims),
            name: person.name.or_else(|| id_token::name(claims)),
            ..person
        })
    }
}

fn check_texts(settings: &ProviderSettings) -> Result<(), ProviderSettingsError> {
    let name = settings.name.as_bytes();
    let of_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    if !(1..=32).contains(&name.len()) || !name.iter().all(of_name) {
        return Err(ProviderSettingsError::Name);
    }
    let visible =
        |text: &str| (1..=MAX_TEXT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let secret = settings.client_secret.as_ref();
    if !visible(&settings.client_id) || secret.is_some_and(|secret| !visible(secret.expose())) {
        return Err(ProviderSettingsError::Client);
    }
    let of_scope = |scope: &String| visible(scope) && !scope.contains(['"', '\\']);
    if !settings.scopes.iter().all(of_scope) {
        return Err(ProviderSettingsError::Scopes);
    }
    Ok(())
}

/// An organization's provider that might vouch for any address would let its operators into everybody's account.
fn check_organization(settings: &ProviderSettings) -> Result<(), ProviderSettingsError> {
    let of_domain = |domain: &String| {
        EmailAddress::parse(&format!("a@{domain}")).is_ok_and(|address| address.domain() == domain)
    };
    let role_fits =
        |organization: Organization| organization.role <= Role::Member && !settings.domains.is_empty();
    if settings.domains.iter().all(of_domain) && settings.organization.is_none_or(role_fits) {
        Ok(())
    } else {
        Err(ProviderSettingsError::Organization)
    }
}

const fn addresses(allow_loopback: bool) -> AddressPolicy {
    if allow_loopback {
        AddressPolicy::AllowLoopback
    } else {
        AddressPolicy::PublicOnly
    }
}

/// An address that may be called or that a browser may be sent to: `https`, or `http` on this machine where that is
/// allowed; without user and fragment.
pub(super) fn endpoint(text: &str, policy: AddressPolicy) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let local = match url.host()? {
        url::Host::Ipv4(v4) => v4.is_loopback(),
        url::Host::Ipv6(v6) => v6.is_loopback(),
        url::Host::Domain(name) => name == "localhost",
    };
    let plain_allowed = policy == AddressPolicy::AllowLoopback && local;
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && plain_allowed);
    (scheme && url.fragment().is_none() && policy.check_url(&url).is_ok()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_https_or_allowed_loopback() {
        let (public, local) = (AddressPolicy::PublicOnly, AddressPolicy::AllowLoopback);
        assert!(endpoint("https://id.example.com/token", public).is_some());
        assert!(endpoint("http://127.0.0.1:9/token", local).is_some());
        for bad in [
            "http://id.example.com/token",
            "http://127.0.0.1/token",
            "https://127.0.0.1/token",
            "https://10.0.0.1/token",
            "https://[::1]/token",
            "https://localhost/token",
            "https://user@id.example.com/",
            "https://id.example.com/#x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "",
        ] {
            assert!(endpoint(bad, public).is_none(), "{bad}");
        }
        assert!(endpoint("http://10.0.0.1/token", local).is_none());
        assert!(endpoint("http://id.example.com/", local).is_none());
    }
}
