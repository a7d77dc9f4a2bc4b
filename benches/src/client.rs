//! A load client: some connections, on each one request after the other, as fast as the answers come.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::Trouble;

/// What one slice of load brought.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    /// How long it took.
    pub time: Duration,
    /// The time of each answered request, sorted.
    pub latencies: Vec<Duration>,
}

impl Slice {
    /// Answered requests a second.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "far fewer requests than a float counts exactly"
    )]
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    /// The latency that this share of requests (in thousandths) stays below.
    #[must_use]
    pub fn latency(&self, thousandths: usize) -> Duration {
        let index = self.latencies.len() * thousandths / 1000;
        self.latencies
            .get(index)
            .or(self.latencies.last())
            .copied()
            .unwrap_or_default()
    }
}

/// Loads one address for a time. Each answer must be a 200 that ends with this body; anything else is an error, so that
/// refusals are never counted as speed.
///
/// # Errors
/// When a connection fails, or an answer is another one.
#[expect(clippy::disallowed_methods, reason = "measures")]
pub fn load(
    address: SocketAddr,
    request: &[u8],
    body: &[u8],
    connections: usize,
    time: Duration,
) -> Result<Slice, Trouble> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut streams = Vec::with_capacity(connections);
        for _ in 0..connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let started = Instant::now();
        let until = started + time;
        let mut tasks = JoinSet::new();
        for stream in streams {
            tasks.spawn(ask(stream, request.to_vec(), body.to_vec(), until));
        }
        let mut slice = Slice::default();
        while let Some(latencies) = tasks.join_next().await {
            slice.latencies.extend(latencies??);
        }
        slice.time = started.elapsed();
        slice.latencies.sort_unstable();
        Ok(slice)
    })
}

#[expect(clippy::disallowed_methods, reason = "measures")]
async fn ask(
    mut stream: TcpStream,
    request: Vec<u8>,
    body: Vec<u8>,
    until: Instant,
) -> Result<Vec<Duration>, Trouble> {
    let mut latencies = Vec::with_capacity(1 << 16);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok(latencies);
        }
        stream.write_all(&request).await?;
        let mut filled = 0;
        while !buffer[..filled].ends_with(&body) {
            let count = stream.read(&mut buffer[filled..]).await?;
            filled += count;
            if count == 0 || !buffer[..filled].starts_with(b"HTTP/1.1 200 ") {
                return Err(
                    format!("not the answer: {:?}", String::from_utf8_lossy(&buffer[..filled])).into(),
                );
            }
        }
        latencies.push(sent.elapsed());
    }
}
