//! Where chance comes from.

use aws_lc_rs::rand::{SecureRandom, SystemRandom as AwsRandom};

use crate::time::Time;

/// A source of random bytes. Passed in everywhere, so that a test can seed it.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random values.
    fn fill(&self, bytes: &mut [u8]);
}

/// The cryptographic random source of the machine.
#[derive(Debug, Default)]
pub struct SystemRandom(AwsRandom);

impl Random for SystemRandom {
    #[expect(clippy::expect_used, reason = "without randomness nothing safe can be done: fail closed")]
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the system's random source works");
    }
}

/// What makes ids and secrets, over a [`Random`].
pub trait RandomExt: Random {
    /// `N` random bytes.
    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A UUIDv7 (RFC 9562): ordered by time, so that new rows land together in an index.
    fn uuid(&self, now: Time) -> uuid::Uuid {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}

impl<R: Random + ?Sized> RandomExt for R {}
