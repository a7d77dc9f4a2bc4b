//! Passwords at the default cost (Argon2id, 19 MiB, 2 passes, 1 lane), beside argon2 alone.
//!
//! Ours adds the bounded queue and the hop to a blocking thread; it should cost nothing that can be seen beside the hash.

use std::hint::black_box;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use criterion::Criterion;
use tokio::runtime::Builder;
use wisdom_auth::password::{PasswordParams, Passwords};
use wisdom_core::random::SystemRandom;
use wisdom_core::secret::SecretText;

const PASSWORD: &str = "violet kettle under seven bridges";

pub(crate) fn run(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let params = PasswordParams::default();
    let passwords = Passwords::new(params, Arc::new(SystemRandom)).unwrap();
    let password = || SecretText::from(PASSWORD.to_owned());
    let phc = runtime.block_on(passwords.hash(password())).unwrap();
    assert!(
        runtime
            .block_on(passwords.verify(password(), Some(phc.clone())))
            .unwrap()
            .ok
    );

    let mut group = criterion.benchmark_group("password");
    group.sample_size(20);
    group.bench_function("verify", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| passwords.verify(password(), Some(phc.clone())));
    });
    group.bench_function("verify, unknown user", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| passwords.verify(password(), None));
    });
    group.bench_function("hash", |bencher| {
        bencher.to_async(&runtime).iter(|| passwords.hash(password()));
    });
    let cost = Params::new(params.memory_kib(), params.passes(), params.lanes(), Some(32)).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    group.bench_function("floor: argon2", |bencher| {
        bencher.iter(|| {
            let mut out = [0; 32];
            argon2
                .hash_password_into(black_box(PASSWORD).as_bytes(), b"0123456789abcdef", &mut out)
                .unwrap();
            out
        });
    });
    group.finish();
}
