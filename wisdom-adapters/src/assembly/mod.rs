//! Configuration → ports → [`Wisdom`]: the one place where everything meets.
//!
//! Server, C ABI, command line, benches and examples start here. An embedder adds operations, consumers and policies to the
//! [`WisdomBuilder`], or builds the same by hand from the parts.

use std::sync::Arc;

use wisdom_auth::api_key::KeyPrefix;
use wisdom_auth::kit::{AuthHost, AuthServices};
use wisdom_core::catalogue::{Catalogue, Host};
use wisdom_core::runner::Runner;
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::Kit;
use wisdom_events::kit::{EventServices, EventsHost};

use crate::config::Config;
use crate::keys::Keys;
use crate::storage::DynStore;
use memberships::Memberships;
use sight::Sight;

mod api_keys;
mod builder;
mod call;
mod catalogue;
mod client_tokens;
mod consumers;
mod error;
mod federation;
mod impersonation;
mod key_rotation;
mod memberships;
mod passkeys;
mod password;
mod ports;
mod remembered;
mod revocation_feed;
mod sight;
mod standing;
mod workers;

pub use builder::WisdomBuilder;
pub use call::Call;
pub use catalogue::operations;
pub use error::OpenError;
pub use ports::Ports;
pub use workers::Workers;

/// Everything put together: the catalogue and what runs it.
///
/// One value serves any number of threads; it is held in an `Arc`.
#[derive(Debug)]
pub struct Wisdom {
    config: Config,
    runner: Runner<DynStore>,
    catalogue: Catalogue<Self>,
    auth: AuthServices,
    events: EventServices,
    ports: Ports,
    keys: Keys,
    memberships: Arc<Memberships>,
    revocation_feed: revocation_feed::RevocationFeed,
    known_keys: api_keys::KnownKeys,
    key_prefix: KeyPrefix,
    known_tokens: client_tokens::KnownTokens,
    operator_prefix: KeyPrefix,
    sights: tokio::sync::mpsc::Sender<Sight>,
    sights_inbox: std::sync::Mutex<Option<tokio::sync::mpsc::Receiver<Sight>>>,
}

impl Host for Wisdom {
    type Store = DynStore;

    fn runner(&self) -> &Runner<DynStore> {
        &self.runner
    }
}

impl AuthHost for Wisdom {
    fn auth(&self) -> &AuthServices {
        &self.auth
    }
}

impl EventsHost for Wisdom {
    fn events(&self) -> &EventServices {
        &self.events
    }
}

impl Wisdom {
    /// The catalogue of all operations, the embedder's own included.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue<Self> {
        &self.catalogue
    }

    /// The configuration it was built from.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The outside world.
    #[must_use]
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Time, ids, randomness, sealing, policies.
    #[must_use]
    pub fn kit(&self) -> &Kit {
        self.runner.kit()
    }

    /// The service's keys.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The public keys of access tokens, as a JWK set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.auth.tokens.ring().jwks(self.kit().clock.now())
    }

    /// Whether storage answers.
    ///
    /// # Errors
    /// The [`StorageError`] if it does not.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.runner.store().ping().await
    }
}
