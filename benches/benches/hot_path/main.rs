//! What a request's hot path costs and what it is made of, each part beside its floor.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has to stop")]

use criterion::Criterion;

mod me;
mod password;
mod store;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    me::run(&mut criterion);
    password::run(&mut criterion);
    store::run(&mut criterion);
    criterion.final_summary();
}
