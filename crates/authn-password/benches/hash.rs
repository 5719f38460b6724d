//! The pool beside bare argon2, with the parameters of a fresh installation: what reusing the memory gains, and what the
//! queue costs.

use argon2::{Argon2, PasswordHasher as _};
use divan::Bencher;
use vestibule_authn_password::{HashPool, PoolSettings};

fn main() {
    divan::main();
}

#[divan::bench]
fn bare_argon2_that_allocates(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        Argon2::default().hash_password_with_salt(b"correct horse", b"0123456789abcdef").map(|hash| hash.to_string())
    });
}

#[divan::bench]
fn pooled(bencher: Bencher<'_, '_>) {
    let Ok(pool) = HashPool::new(PoolSettings::default()) else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    let password = "correct horse".into();
    bencher.bench_local(|| runtime.block_on(pool.hash(&password)).is_ok());
}
