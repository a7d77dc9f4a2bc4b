//! Heap allocations of one request, in process: what the service asks for beyond the request it is given, from head to
//! answer, and what building the same answer asks for alone.

use std::hint::black_box;

use http_body_util::BodyExt as _;
use tokio::runtime::{Builder, Runtime};
use wisdom_benches::Trouble;
use wisdom_benches::bare::Canned;
use wisdom_benches::stage::{PEER, Stage};

const REQUESTS: u64 = 1000;

fn main() -> Result<(), Trouble> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let stage = runtime.block_on(Stage::in_memory())?;
    let principal = stage.principal(None);
    println!("{:28}{:>14}{:>14}", "", "allocations", "bytes");
    for path in ["/v1/me", "/healthz"] {
        let request = stage.get(path, &principal)?;
        let answer = runtime.block_on(stage.service.handle(PEER, request.clone()));
        if !answer.status().is_success() {
            return Err(format!("{path}: {}", answer.status()).into());
        }
        let (head, body) = answer.into_parts();
        let body = runtime.block_on(body.collect())?.to_bytes();
        let headers = head
            .headers
            .into_iter()
            .filter_map(|(name, value)| Some((name?, value)));
        let canned = Canned::new(headers, body);
        count(&runtime, &format!("GET {path}"), || {
            let request = request.clone();
            async { drop(black_box(stage.service.handle(PEER, request).await)) }
        });
        count(&runtime, "  copying the request", || {
            let request = request.clone();
            async { drop(black_box(request)) }
        });
        count(&runtime, "  building the answer", || async {
            drop(black_box(canned.answer()));
        });
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "small figures")]
fn count<F: Future>(runtime: &Runtime, name: &str, work: impl Fn() -> F) {
    // The first ones fill caches.
    for _ in 0..100 {
        runtime.block_on(work());
    }
    let seen = allocation_counter::measure(|| {
        for _ in 0..REQUESTS {
            runtime.block_on(work());
        }
    });
    let each = |total: u64| total as f64 / REQUESTS as f64;
    println!(
        "{name:28}{:>14.2}{:>14.0}",
        each(seen.count_total),
        each(seen.bytes_total)
    );
}
