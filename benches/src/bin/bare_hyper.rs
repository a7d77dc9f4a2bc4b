//! hyper and nothing else: one worker thread, one answer, read from a file of `name: value` lines, an empty line and the
//! body. The floor that `load` compares the server with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use tokio::net::TcpListener;
use wisdom_benches::Trouble;
use wisdom_benches::bare::Canned;

/// Answers every request with the same bytes.
#[derive(Debug, Parser)]
struct Arguments {
    /// The file with the answer.
    #[arg(long)]
    answer: PathBuf,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Worker threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn main() -> Result<(), Trouble> {
    let arguments = Arguments::parse();
    let text = std::fs::read_to_string(&arguments.answer)?;
    let (head, body) = text.split_once("\n\n").ok_or("the answer has no empty line")?;
    let mut headers = Vec::new();
    for line in head.lines() {
        let (name, value) = line.split_once(':').ok_or("a header line has no colon")?;
        headers.push((name.parse()?, value.trim().parse()?));
    }
    let canned = Arc::new(Canned::new(headers, body.to_owned().into()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.threads)
        .enable_all()
        .build()?;
    // Accepting inside of a task, as the server does it; the thread of `block_on` is no worker.
    runtime.block_on(async move { tokio::spawn(serve(arguments.listen, canned)).await? })
}

async fn serve(address: SocketAddr, canned: Arc<Canned>) -> Result<(), Trouble> {
    let listener = TcpListener::bind(address).await?;
    println!("bare hyper is listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let canned = Arc::clone(&canned);
        tokio::spawn(async move {
            // A client that went away is no news.
            let _ = canned.serve(stream).await;
        });
    }
}
