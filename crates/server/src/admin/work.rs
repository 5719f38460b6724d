//! Reading, and writing configuration: what was changed holds on this instance when the operation returns.

use vestibule_core::store::StoreExt as _;

use super::{AdminError, transact};
use crate::{
    configuration,
    state::{State, Transaction},
};

/// Reads on one consistent view.
pub(super) async fn read<R, F>(state: &State, mut work: F) -> Result<R, AdminError>
where
    R: Send + 'static,
    F: FnMut(&mut Transaction) -> Result<R, AdminError> + Send + 'static,
{
    let job = move |tx: &mut Transaction| match work(tx) {
        Err(AdminError::Store(error)) => Err(error),
        other => Ok(other),
    };
    state.store.read(job).await?
}

/// Writes all of it or nothing, and takes it up.
pub(super) async fn configure<R, F>(state: &State, work: F) -> Result<R, AdminError>
where
    R: Send + 'static,
    F: FnMut(&mut Transaction) -> Result<R, AdminError> + Send + 'static,
{
    let done = transact::write(state, work).await?;
    if let Err(error) = configuration::refresh(state).await {
        // It is saved, and every instance takes it up within two seconds.
        tracing::warn!(%error, "a change of the configuration could not be taken up at once");
    }
    Ok(done)
}
