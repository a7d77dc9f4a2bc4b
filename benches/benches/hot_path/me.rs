//! `GET /v1/me`, which needs no database: request id, trace, rate limits, token, permission, JSON, metrics.
//!
//! - `call`: the service called as a function. Floors: the same answer built and nothing else; `/healthz`, which is the
//!   same pipeline without rate limits, token and operation.
//! - `http`: the service behind hyper's HTTP/1.1 on a pipe in memory, without sockets. Floor: bare hyper that answers the
//!   same bytes on the same pipe.

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use wisdom_benches::bare::Canned;
use wisdom_benches::stage::{PEER, Stage, on_the_wire};

const PIPE: usize = 64 * 1024;

pub(crate) fn run(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::in_memory()).unwrap();
    let principal = stage.principal(None);
    let request = stage.get("/v1/me", &principal).unwrap();
    let answer = runtime.block_on(stage.service.handle(PEER, request.clone()));
    assert!(answer.status().is_success(), "{answer:?}");
    let (head, body) = answer.into_parts();
    let body = runtime.block_on(body.collect()).unwrap().to_bytes();
    let canned = Canned::new(
        head.headers
            .into_iter()
            .map(|(name, value)| (name.unwrap(), value)),
        body,
    );

    let mut group = criterion.benchmark_group("me/call");
    let healthz = stage.get("/healthz", &principal).unwrap();
    for (name, request) in [("service", &request), ("healthz", &healthz)] {
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter_batched(
                || request.clone(),
                |request| stage.service.handle(PEER, request),
                BatchSize::SmallInput,
            );
        });
    }
    group.bench_function("floor: building the answer", |bencher| {
        bencher.iter(|| black_box(&canned).answer());
    });
    group.finish();

    let wire = on_the_wire(&request).unwrap();
    let mut group = criterion.benchmark_group("me/http");
    let (mut near, far) = tokio::io::duplex(PIPE);
    let service = stage.service.clone();
    runtime.spawn(async move {
        let service = service_fn(|request: Request<Incoming>| async {
            Ok::<_, Infallible>(service.handle(PEER, request).await)
        });
        http1::Builder::new()
            .serve_connection(TokioIo::new(far), service)
            .await
            .unwrap();
    });
    group.bench_function("service", |bencher| {
        ask(bencher, &runtime, &mut near, &wire, canned.body());
    });
    let (mut near, far) = tokio::io::duplex(PIPE);
    let bare = canned.clone();
    runtime.spawn(async move { bare.serve(far).await.unwrap() });
    group.bench_function("floor: bare hyper", |bencher| {
        ask(bencher, &runtime, &mut near, &wire, canned.body());
    });
    group.finish();
}

/// One request and its whole answer, over and over on one connection.
fn ask(
    bencher: &mut criterion::Bencher<'_>,
    runtime: &Runtime,
    near: &mut DuplexStream,
    request: &[u8],
    body: &[u8],
) {
    let mut buffer = vec![0; PIPE];
    bencher.iter(|| {
        runtime.block_on(async {
            near.write_all(request).await.unwrap();
            let mut filled = 0;
            while !buffer[..filled].ends_with(body) {
                filled += near.read(&mut buffer[filled..]).await.unwrap();
                assert!(buffer.starts_with(b"HTTP/1.1 200 "));
            }
        });
    });
}
