//! Building an assembly.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use wisdom_auth::api_key::{ApiKeyPolicy, KeyPrefix};
use wisdom_auth::federation::FederationPolicy;
use wisdom_auth::kit::AuthServices;
use wisdom_auth::mailed_proof::ProofPolicy;
use wisdom_auth::one_time_token::TokenPurpose;
use wisdom_auth::password::{PasswordParams, Passwords};
use wisdom_auth::second_factor::SecondFactorPolicy;
use wisdom_auth::session::confirmation::Confirmations;
use wisdom_auth::session::refresh::RefreshPolicy;
use wisdom_auth::session::revocation::Revocations;
use wisdom_auth::token::{AccessTokenPolicy, AccessTokens};
use wisdom_core::access::{Access, Permission};
use wisdom_core::catalogue::{Catalogue, Entry};
use wisdom_core::clock::{Clock, SystemClock};
use wisdom_core::id::{IdSource, SystemIds};
use wisdom_core::policy::{Policies, Policy};
use wisdom_core::random::{SecureRandom, SystemRandom};
use wisdom_core::runner::{RetryPolicy, Runner};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Kit;
use wisdom_core::value::EmailAddress;
use wisdom_events::bus::{Bus, Consumer};
use wisdom_events::kit::{EventServices, Waker};
use wisdom_events::mail::{MailConsumer, MailPolicy};
use wisdom_events::relay::stream::StreamConsumer;
use wisdom_events::webhook::WebhookPolicy;
use wisdom_events::webhook::fan_out::WebhookFanOut;
use wisdom_tenancy::kit::InvitationPolicy;

use super::consumers::{ForgetMemberships, IssueProofs};
use super::memberships::{self, Memberships};
use super::revocation_feed::RevocationFeed;
use super::{
    OpenError, Ports, Wisdom, api_keys, catalogue, client_tokens, federation, impersonation, passkeys,
    password, sight,
};
use crate::config::{Config, resolve_text};
use crate::keys::Keys;
use crate::storage::{self, StoreOptions};

/// Memberships remembered at most.
const MEMBERSHIPS: u64 = 50_000;
/// Ended sessions remembered at most; beyond, every token issued before is refused.
const REVOCATIONS: usize = 1_000_000;
const LEEWAY: Duration = Duration::from_secs(60);
/// Answers to one spent refresh token at most.
const MAX_REPLAYS: u16 = 5;

type MakeConsumer = Box<dyn FnOnce(Runner<storage::DynStore>) -> Arc<dyn Consumer> + Send>;

type PortsChange = Box<dyn FnOnce(&mut Ports) + Send>;

/// Collects what an assembly is made of. Everything but the configuration has a default.
pub struct WisdomBuilder {
    config: Config,
    operations: Vec<Entry<Wisdom>>,
    consumers: Vec<MakeConsumer>,
    policies: Policies,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    random: Arc<dyn SecureRandom>,
    change_ports: Vec<PortsChange>,
}

impl fmt::Debug for WisdomBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WisdomBuilder")
            .field("operations", &self.operations.len())
            .finish_non_exhaustive()
    }
}

impl WisdomBuilder {
    /// A builder with this configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            operations: Vec::new(),
            consumers: Vec::new(),
            policies: Policies::new(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            random: Arc::new(SystemRandom),
            change_ports: Vec::new(),
        }
    }

    /// Adds an operation of your own to the catalogue.
    #[must_use]
    pub fn operation(mut self, entry: Entry<Wisdom>) -> Self {
        self.operations.push(entry);
        self
    }

    /// Adds a consumer of events.
    #[must_use]
    pub fn consumer(self, consumer: Arc<dyn Consumer>) -> Self {
        self.consumer_with(|_| consumer)
    }

    /// Adds a consumer of events that runs use cases: it is made once there is a runner.
    #[must_use]
    pub fn consumer_with(
        mut self,
        make: impl FnOnce(Runner<storage::DynStore>) -> Arc<dyn Consumer> + Send + 'static,
    ) -> Self {
        self.consumers.push(Box::new(make));
        self
    }

    /// Sets a policy; it wins over the configuration.
    #[must_use]
    pub fn policy<P: Policy>(mut self, policy: P) -> Self {
        self.policies = self.policies.with(policy);
        self
    }

    /// Replaces the clock: for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Replaces ports after they were opened: for adapters of your own, and mocks.
    #[must_use]
    pub fn ports(mut self, change: impl FnOnce(&mut Ports) + Send + 'static) -> Self {
        self.change_ports.push(Box::new(change));
        self
    }

    /// Opens storage, keys and ports and puts everything together. Migrates the database.
    ///
    /// # Errors
    /// [`OpenError`], which says what to mend.
    pub async fn build(self) -> Result<Arc<Wisdom>, OpenError> {
        let config = self.config;
        let keys = Keys::open(&config, &self.random)?;
        let mut operations = catalogue::operations();
        operations.extend(self.operations);
        let policies = configured_policies(&config, &operations, self.policies)?;
        let kit = Arc::new(Kit {
            clock: self.clock,
            ids: self.ids,
            random: Arc::clone(&self.random),
            sealer: keys.sealer(),
            policies,
        });
        let mut ports = Ports::open(&config, &kit)?;
        for change in self.change_ports {
            change(&mut ports);
        }
        let store = open_storage(&config, &kit).await?;
        let runner = Runner::new(store, Arc::clone(&kit), RetryPolicy::default());
        let memberships = Arc::new(Memberships::new(MEMBERSHIPS, memberships::LIFE));
        let deliveries = Waker::default();
        let mut consumers: Vec<Arc<dyn Consumer>> = vec![
            Arc::new(ForgetMemberships(Arc::clone(&memberships))),
            Arc::new(WebhookFanOut::new(runner.clone(), deliveries.clone())),
            Arc::new(MailConsumer::new(Arc::clone(&kit), Arc::clone(&ports.email))),
            Arc::new(StreamConsumer::new(ports.stream.clone())),
            Arc::new(IssueProofs(runner.clone())),
        ];
        consumers.extend(self.consumers.into_iter().map(|make| make(runner.clone())));
        let events = EventServices {
            bus: Bus::new(consumers).map_err(|e| OpenError::Assembly(e.to_string()))?,
            http: Arc::clone(&ports.http),
            source: config.public_url.to_string(),
            relay: Waker::default(),
            deliveries,
        };
        let auth = auth_services(&config, &kit, &keys, &ports)?;
        let catalogue = Catalogue::new(operations).map_err(|e| OpenError::Assembly(e.to_string()))?;
        let key_prefix = api_keys::prefix(&kit.policies);
        let (sights, sights_inbox) = mpsc::channel(sight::WAITING);
        let wisdom = Arc::new(Wisdom {
            revocation_feed: RevocationFeed::new(&storage_address(&config)?),
            config,
            runner,
            catalogue,
            auth,
            events,
            ports,
            keys,
            memberships,
            known_keys: api_keys::KnownKeys::default(),
            operator_prefix: key_prefix.of_impersonations(),
            known_tokens: client_tokens::KnownTokens::new(&key_prefix),
            key_prefix,
            sights,
            sights_inbox: Mutex::new(Some(sights_inbox)),
        });
        // Before the first request: what ended while this process was not there.
        let known = wisdom.read_revocations().await;
        known.map_err(|e| OpenError::Assembly(e.to_string()))?;
        Ok(wisdom)
    }
}

fn storage_address(config: &Config) -> Result<SecretText, OpenError> {
    resolve_text(&config.storage.url).map_err(|source| OpenError::Secret {
        key: "storage.url",
        source,
    })
}

async fn open_storage(config: &Config, kit: &Arc<Kit>) -> Result<Arc<storage::DynStore>, OpenError> {
    let url = storage_address(config)?;
    let url = match url.expose().split_once(':') {
        Some(("sqlite", path)) => format!(
            "sqlite:{}",
            config.data_path(path.trim_start_matches("//")).display()
        ),
        _ => url.expose().to_owned(),
    };
    let mut options = if url.starts_with("sqlite:") {
        StoreOptions::SQLITE
    } else {
        StoreOptions::POSTGRES
    };
    if let Some(connections) = config.storage.max_connections {
        options.max_connections = connections;
    }
    Ok(storage::open_with(&url, Arc::clone(kit), Some(options)).await?)
}

pub(super) fn value(key: &'static str) -> impl Fn(&dyn fmt::Display) -> OpenError {
    move |rule| OpenError::Value {
        key,
        rule: rule.to_string(),
    }
}

pub(super) fn seconds(figure: u32) -> Duration {
    Duration::from_secs(u64::from(figure))
}

/// The policies that the configuration sets, unless the embedder set them already.
fn configured_policies(
    config: &Config,
    operations: &[Entry<Wisdom>],
    set: Policies,
) -> Result<Policies, OpenError> {
    let mut scopes: Vec<Permission> = Vec::new();
    for entry in operations {
        if let Access::Tenant(permission) = entry.access
            && !scopes.contains(&permission)
        {
            scopes.push(permission);
        }
    }
    let prefix =
        KeyPrefix::parse(&config.auth.api_keys.prefix).map_err(|e| value("auth.api_keys.prefix")(&e))?;
    let auth = &config.auth;
    let refresh = RefreshPolicy::default()
        .lives(
            seconds(auth.session_idle_seconds),
            seconds(auth.session_absolute_seconds),
        )
        .and_then(|policy| policy.grace(seconds(auth.refresh_window_seconds), MAX_REPLAYS))
        .map_err(|e| value("auth")(&e))?;
    let from = EmailAddress::parse(&config.email.from).map_err(|e| value("email.from")(&e))?;
    let loopback = config
        .webhooks
        .allow_loopback
        .unwrap_or_else(|| config.server.listen.ip().is_loopback());
    let days = u64::from(config.tenancy.invitation_days);
    Ok(Policies::new()
        .with(password::policy(config)?)
        .with(password::attempts(config)?)
        .with(ApiKeyPolicy {
            prefix,
            max_per_tenant: config.auth.api_keys.max_per_tenant,
            scopes,
        })
        .with(impersonation::policy(config)?)
        .with(refresh)
        .with(mailed_proofs(config)?)
        .with(second_factors(config)?)
        .with(passkeys::policy(config)?)
        .with(MailPolicy {
            from: Some(from),
            app_url: config.app_url().to_string(),
        })
        .with(WebhookPolicy {
            allow_loopback: loopback,
            ..WebhookPolicy::default()
        })
        .with(FederationPolicy {
            attempt: seconds(auth.federation.attempt_seconds),
        })
        .with(auth.throttle.policy())
        .with(InvitationPolicy {
            ttl: Duration::from_secs(days * 86_400),
            ..InvitationPolicy::default()
        })
        .overlaid_by(set))
}

fn mailed_proofs(config: &Config) -> Result<ProofPolicy, OpenError> {
    let figures = &config.auth.mailed_proof;
    [
        (TokenPurpose::VerifyEmail, figures.verify_email_seconds),
        (TokenPurpose::ResetPassword, figures.reset_password_seconds),
        (TokenPurpose::ChangeEmail, figures.change_email_seconds),
        (TokenPurpose::MagicLink, figures.link_seconds),
        (TokenPurpose::EmailCode, figures.code_seconds),
    ]
    .into_iter()
    .try_fold(ProofPolicy::default(), |policy, (purpose, life)| {
        policy.with_life(purpose, seconds(life))
    })
    .and_then(|policy| policy.with_tries(u16::try_from(figures.code_tries).unwrap_or(u16::MAX)))
    .map_err(|e| value("auth.mailed_proof")(&e))
}

fn second_factors(config: &Config) -> Result<SecondFactorPolicy, OpenError> {
    let figures = &config.auth.second_factor;
    let tries = u16::try_from(figures.tries).unwrap_or(u16::MAX);
    SecondFactorPolicy::default()
        .require(figures.required)
        .challenge(seconds(figures.challenge_seconds), tries)
        .and_then(|policy| policy.remember(seconds(figures.remember_seconds)))
        .and_then(|policy| policy.fresh(seconds(figures.fresh_seconds)))
        .and_then(|policy| policy.issuer(&figures.issuer))
        .map_err(|e| value("auth.second_factor")(&e))
}

fn auth_services(config: &Config, kit: &Kit, keys: &Keys, ports: &Ports) -> Result<AuthServices, OpenError> {
    let password = &config.auth.password;
    let mut params = PasswordParams::default()
        .cost(password.memory_kib, password.passes, password.lanes)
        .map_err(|e| value("auth.password")(&e))?;
    let permits = match password.permits {
        0 => std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get),
        permits => permits as usize,
    };
    params = params
        .concurrency(permits, password.queue as usize)
        .map_err(|e| value("auth.password")(&e))?;
    let life = seconds(config.auth.access_token_seconds);
    let policy = AccessTokenPolicy::new(config.public_url.as_str(), &config.auth.audience)
        .and_then(|policy| policy.times(life, LEEWAY))
        .map_err(|e| value("auth")(&e))?;
    let ring = keys.signing_ring(config.auth.algorithm.into(), kit)?;
    let longest = policy.longest_use();
    Ok(AuthServices {
        passwords: Passwords::new(params, Arc::clone(&kit.random))
            .map_err(|e| OpenError::Assembly(e.to_string()))?
            .peppered(password::peppers(config)?),
        tokens: AccessTokens::new(ring, policy, Arc::clone(&kit.ids)),
        revocations: Revocations::new(longest, REVOCATIONS),
        confirmations: Confirmations::default(),
        federation: federation::open(config, &ports.http)?,
        passkeys: passkeys::open(config)?,
        rate_limit: Arc::clone(&ports.rate_limit),
    })
}
