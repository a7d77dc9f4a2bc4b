//! Serving, from the first thread to the last.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use wisdom_adapters::config::Config;

use super::{Trouble, assemble};
use crate::serve::Server;
use crate::service::Service;
use crate::tls::Tls;
use crate::{routes, telemetry};

/// How often histograms are folded; between two times they only grow.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long workers may take to finish what is in hand, after the last request.
const WORKERS_STOP: Duration = Duration::from_secs(5);

pub(super) fn block_on<T>(
    config: &Config,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    runtime(config)?.block_on(work)
}

pub(super) fn serve(config: Config) -> Result<(), Trouble> {
    telemetry::install_log(&config.log.level).map_err(|error| error.to_string())?;
    let runtime = runtime(&config)?;
    let result = runtime.block_on(run(config));
    // Blocking work that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

fn runtime(config: &Config) -> Result<Runtime, Trouble> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = usize::try_from(config.runtime.worker_threads)
        .ok()
        .filter(|threads| *threads > 0)
    {
        builder.worker_threads(threads);
    }
    builder.max_blocking_threads(usize::try_from(config.runtime.blocking_threads).unwrap_or(usize::MAX));
    builder
        .thread_name("wisdom")
        .enable_all()
        .build()
        .map_err(|error| format!("threads cannot be started: {error}"))
}

async fn run(config: Config) -> Result<(), Trouble> {
    let stop = stop_signal()?;
    let metrics = telemetry::install_metrics().map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(config.server.listen).await.map_err(|error| {
        format!(
            "`server.listen`: {} cannot be used: {error}",
            config.server.listen
        )
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let server_config = config.server.clone();
    let tls = Tls::open(&config).map_err(|error| error.to_string())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let wisdom = assemble(config).await?;
    let service = Service::new(wisdom.clone(), &routes::all(), Some(metrics.clone()))
        .map_err(|error| error.to_string())?;
    let mut server = Server::new(service, &server_config).map_err(|error| error.to_string())?;
    if let Some(tls) = tls {
        server = server.over_tls(tls);
    }
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    });
    let workers = wisdom.start_workers();
    greet(wisdom.config(), scheme, address);
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    server.run(listener, stop).await;
    workers.stop(WORKERS_STOP).await;
    upkeep.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Ready when somebody asks the process to stop.
fn stop_signal() -> Result<impl Future<Output = ()>, Trouble> {
    let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be received: {error}"));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
    })
}

/// For people: where it listens, and what to try.
fn greet(config: &Config, scheme: &str, address: SocketAddr) {
    let shown = if address.ip().is_unspecified() {
        SocketAddr::from(([127, 0, 0, 1], address.port()))
    } else {
        address
    };
    say!(
        "Wisdom is listening on {scheme}://{shown}\n\
         Data is kept in {}; mails go to {}.\n\
         Try:\n  \
         curl -s {scheme}://{shown}/v1/auth/sign-up -H 'content-type: application/json' \\\n    \
         -d '{{\"email\":\"ada@example.com\",\"password\":\"seven blue lanterns\",\"display_name\":\"Ada\",\"tenant_name\":\"Acme\"}}'\n  \
         curl -s {scheme}://{shown}/openapi.json",
        config.data_dir.display(),
        config.email.url.strip_prefix("outbox:").map_or_else(
            || config.email.url.split(':').next().unwrap_or_default().to_owned(),
            |folder| config.data_path(folder).display().to_string(),
        ),
    );
}
