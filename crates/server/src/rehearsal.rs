//! A rehearsal: everything is done, and nothing of it stays. Behind `?dry_run=true` of the API.
//!
//! The database is wrapped, so that no operation knows of it and none can forget it: within [`rehearsed`] every transaction
//! runs to its end, with all its checks and its conflicts, and is then rolled back. A `dry_run` of each operation's own was
//! the road not taken: the two ways would drift apart.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use vestibule_core::store::{Job, Store as CoreStore, StoreError, StoreResult};
use vestibule_oauth::store::{Store, Tx};

tokio::task_local! {
    static REHEARSAL: ();
}

/// Runs `work` so that nothing it writes stays.
pub(crate) async fn rehearsed<T>(work: impl Future<Output = T>) -> T {
    REHEARSAL.scope((), work).await
}

/// Whether this is a rehearsal: for what has an effect beside the database.
pub(crate) fn is_rehearsal() -> bool {
    REHEARSAL.try_with(|()| ()).is_ok()
}

/// A database that rolls back what is rehearsed.
pub(crate) struct Stage(pub(crate) Arc<Store>);

#[async_trait]
impl CoreStore for Stage {
    type Tx = dyn Tx;

    async fn run_read(&self, job: Job<dyn Tx>) -> StoreResult<()> {
        self.0.run_read(job).await
    }

    async fn run_write(&self, mut job: Job<dyn Tx>) -> StoreResult<()> {
        if !is_rehearsal() {
            return self.0.run_write(job).await;
        }
        let done = Arc::new(AtomicBool::new(false));
        let to_the_end = Arc::clone(&done);
        let rehearse = move |tx: &mut (dyn Tx + 'static)| {
            to_the_end.store(false, Ordering::Release);
            job(tx)?;
            to_the_end.store(true, Ordering::Release);
            Err(StoreError::Conflict("a rehearsal".to_owned()))
        };
        match self.0.run_write(Box::new(rehearse)).await {
            Err(StoreError::Conflict(_)) if done.load(Ordering::Acquire) => Ok(()),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::{
        crypto::MasterKey,
        id::UserId,
        random::SystemRandom,
        store::StoreExt as _,
        time::Time,
        user::{LoginName, User},
    };

    use super::*;

    #[tokio::test]
    async fn what_is_rehearsed_is_told_and_does_not_stay() {
        let random = SystemRandom::default();
        let master = MasterKey::generate(&random);
        let address = "sqlite::memory:".parse().unwrap();
        let store = vestibule_store::open(&address, &master, &vestibule_store::Options::default()).unwrap();
        let store: Arc<Store> = Arc::new(Stage(store));
        let user = User::new(UserId::new(Time(0), &random), LoginName::parse("ada").unwrap(), Time(0));
        let insert = {
            let user = user.clone();
            move |tx: &mut (dyn Tx + 'static)| tx.insert_user(&user).map(|()| "made")
        };
        assert_eq!(rehearsed(store.write(insert.clone())).await.unwrap(), "made");
        assert_eq!(store.read(|tx| tx.users(None, 9)).await.unwrap(), []);
        store.write(insert.clone()).await.unwrap();
        let taken = rehearsed(store.write(insert)).await;
        assert!(matches!(taken, Err(StoreError::Conflict(_))), "a refusal is one in a rehearsal too: {taken:?}");
    }
}
