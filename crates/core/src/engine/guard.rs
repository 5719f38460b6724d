//! Keeps an authenticator's troubles its own: a panic or a hang in one is an error of that step, never a pass, and never
//! the end of the server.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;

use crate::authenticator::StepError;

/// Longer than an authenticator's own limits (a queue of passwords), shorter than a person's patience.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn guarded<T>(work: impl Future<Output = Result<T, StepError>>) -> Result<T, StepError> {
    match tokio::time::timeout(LIMIT, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(StepError::Unavailable("the authenticator panicked".to_owned())),
        Err(_elapsed) => Err(StepError::Unavailable("the authenticator took too long".to_owned())),
    }
}
