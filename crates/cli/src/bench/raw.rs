//! Raw limits without HTTP: one argon2 hash, and durable commits of one row.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _};

/// Microseconds of processor time of one hash with the parameters of the server's default, memory used again. On as many
/// threads as there are processors, like the server's own: hashes side by side share a cache, and each costs more than one alone.
pub(super) fn argon2_micros(budget: Duration) -> Result<f64, String> {
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let hashing: Vec<_> = (0..threads).map(|_| std::thread::spawn(move || hash_for(budget))).collect();
    let (mut cpu, mut count) = (Duration::ZERO, 0_u32);
    for thread in hashing {
        let (spent, done) = thread.join().map_err(|_| "a hash panicked".to_owned())??;
        cpu += spent;
        count += done;
    }
    Ok(cpu.as_secs_f64() * 1e6 / f64::from(count.max(1)))
}

/// Hashes for a while: the processor time it took, and how many.
fn hash_for(budget: Duration) -> Result<(Duration, u32), String> {
    let params = Params::new(19_456, 2, 1, None).map_err(|error| error.to_string())?;
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0; 32];
    let (began, cpu, mut count) = (Instant::now(), own_cpu_nanos()?, 0);
    while began.elapsed() < budget {
        argon2
            .hash_password_into_with_memory(b"correct horse", b"sixteen bytes ..", &mut out, memory.as_mut_slice())
            .map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok((Duration::from_nanos(own_cpu_nanos()?.saturating_sub(cpu)), count))
}

/// Microseconds of processor time of one `work`, on this thread. The work says whether it went as it should.
pub(super) fn cpu_micros_of(work: impl Fn() -> bool, budget: Duration) -> Result<f64, String> {
    let (began, cpu, mut count) = (Instant::now(), own_cpu_nanos()?, 0_u32);
    while began.elapsed() < budget {
        for _ in 0..100 {
            if !work() {
                return Err("what is measured does not do what it should".to_owned());
            }
        }
        count += 100;
    }
    let spent = Duration::from_nanos(own_cpu_nanos()?.saturating_sub(cpu));
    Ok(spent.as_secs_f64() * 1e6 / f64::from(count.max(1)))
}

/// The processor time of this thread.
fn own_cpu_nanos() -> Result<u64, String> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").map_err(|error| error.to_string())?;
    let first = stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    first.ok_or_else(|| "the processor time of this thread cannot be read".to_owned())
}

/// Durable commits a second, one after the other, each of one row, with the settings of the store.
pub(super) fn commits(folder: &Path, budget: Duration) -> Result<f64, String> {
    let path = folder.join("floor.db");
    let mut connection = SqliteConnection::establish(&path.display().to_string()).map_err(|error| error.to_string())?;
    let setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS floor (id INTEGER PRIMARY KEY, n INTEGER NOT NULL); \
                 INSERT OR IGNORE INTO floor VALUES (1, 0);";
    connection.batch_execute(setup).map_err(|error| error.to_string())?;
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < budget {
        diesel::sql_query("UPDATE floor SET n = n + 1 WHERE id = 1")
            .execute(&mut connection)
            .map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}
