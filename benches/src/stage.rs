//! The service in this process, ready to be measured.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use http_body_util::Full;
use wisdom_adapters::Wisdom;
use wisdom_adapters::assembly::WisdomBuilder;
use wisdom_adapters::config::Config;
use wisdom_auth::kit::AuthHost as _;
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::id::{IdSourceExt as _, UserId};
use wisdom_server::{Service, routes, telemetry};

use crate::Trouble;

/// Requests a minute that no measurement reaches. The counting itself stays on.
pub const UNREACHED: u32 = 60_000_000;

/// Where requests seem to come from.
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The server's own service over an assembly in this process, with metrics on and log lines off.
#[derive(Debug)]
pub struct Stage {
    /// The assembly.
    pub wisdom: Arc<Wisdom>,
    /// The service.
    pub service: Service,
}

impl Stage {
    /// Everything in memory.
    ///
    /// # Errors
    /// When the assembly cannot be built.
    pub async fn in_memory() -> Result<Self, Trouble> {
        Self::build(Config::in_memory()).await
    }

    /// On a SQLite file in the folder.
    ///
    /// # Errors
    /// When the assembly cannot be built.
    pub async fn on_sqlite(folder: &Path) -> Result<Self, Trouble> {
        let mut config = Config {
            data_dir: folder.to_owned(),
            ..Config::default()
        };
        "memory:".clone_into(&mut config.email.url);
        Self::build(config).await
    }

    async fn build(mut config: Config) -> Result<Self, Trouble> {
        config.rate_limit.per_address = UNREACHED;
        config.rate_limit.per_user = UNREACHED;
        config.log.requests = false;
        // Installed once for the process; a second stage records into the first one's.
        if let Ok(metrics) = telemetry::install_metrics() {
            // As in the server: without it histograms would only grow.
            std::thread::spawn(move || {
                loop {
                    std::thread::park_timeout(Duration::from_secs(5));
                    metrics.run_upkeep();
                }
            });
        }
        let wisdom = WisdomBuilder::new(config).build().await?;
        let service = Service::new(Arc::clone(&wisdom), &routes::all(), None)?;
        Ok(Self { wisdom, service })
    }

    /// A principal whose session nobody has to know, because access tokens are verified without storage.
    #[must_use]
    pub fn principal(&self, user: Option<UserId>) -> Principal {
        let kit = self.wisdom.kit();
        let session = UserSession {
            user: user.unwrap_or_else(|| kit.ids.id()),
            session: kit.ids.id(),
            generation: 1,
        };
        Principal::of_session(session, None, kit.clock.now())
    }

    /// A request of the principal, as a small client sends it.
    ///
    /// # Errors
    /// When no token can be issued, or the path is not one.
    pub fn get(&self, path: &str, principal: &Principal) -> Result<Request<Full<Bytes>>, Trouble> {
        let token = self
            .wisdom
            .auth()
            .tokens
            .issue_for(principal, self.wisdom.kit().clock.now())?;
        let request = Request::get(path)
            .header(HOST, "localhost")
            .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
            .header(USER_AGENT, "wisdom-benches")
            .header(ACCEPT, "*/*");
        Ok(request.body(Full::default())?)
    }
}

/// A request without a body, as HTTP/1.1 carries it.
///
/// # Errors
/// When a header is not text.
pub fn on_the_wire<B>(request: &Request<B>) -> Result<Vec<u8>, Trouble> {
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text.extend([name.as_str(), ": ", value.to_str()?, "\r\n"]);
    }
    text += "\r\n";
    Ok(text.into_bytes())
}
