//! Sealing for the tables: secrets and personal data of a login under way leave this crate encrypted.

use serde::{Serialize, de::DeserializeOwned};
use vestibule_core::{
    audit::chain::Head,
    crypto::{MasterKey, OpenError as SealError, Prf, Sealer},
    random::SystemRandom,
};
use zeroize::Zeroizing;

use crate::error::{Failure, OpenError, Verdict};

/// The sealer and the chance that it needs. A record is named `table/id`, so that no sealed value opens in another row.
#[derive(Debug)]
pub(crate) struct Seal {
    sealer: Sealer,
    prf: Prf,
    random: SystemRandom,
}

impl Seal {
    /// What is sealed when a database is begun, to tell a wrong master key at the next start.
    const PROBE: &'static [u8] = b"vestibule";
    /// The row that holds it.
    pub(crate) const PROBE_NAME: &'static str = "master_key";

    pub(crate) fn new(master: &MasterKey) -> Self {
        Self { sealer: master.sealer(), prf: master.prf(), random: SystemRandom::default() }
    }

    /// Where jitter comes from.
    pub(crate) fn random(&self) -> &SystemRandom {
        &self.random
    }

    pub(crate) fn close(&self, record: &str, plain: &[u8]) -> Vec<u8> {
        self.sealer.seal(record, plain, &self.random)
    }

    pub(crate) fn open(&self, record: &str, sealed: &[u8]) -> Verdict<Zeroizing<Vec<u8>>> {
        self.sealer.open(record, sealed).map_err(|error| Failure::damaged(record, error))
    }

    pub(crate) fn close_json<T: Serialize>(&self, record: &str, value: &T) -> Verdict<Vec<u8>> {
        let plain = serde_json::to_vec(value).map_err(|error| Failure::damaged(record, error))?;
        Ok(self.close(record, &Zeroizing::new(plain)))
    }

    pub(crate) fn open_json<T: DeserializeOwned>(&self, record: &str, sealed: &[u8]) -> Verdict<T> {
        serde_json::from_slice(&self.open(record, sealed)?).map_err(|error| Failure::damaged(record, error))
    }

    /// The proof that this program wrote a row of the audit log: an empty secret, sealed for that body alone.
    pub(crate) fn proof(&self, body: &str) -> Vec<u8> {
        self.close(&format!("audit_events/{body}"), &[])
    }

    /// Whether `proof` is one for `body`.
    pub(crate) fn proves(&self, proof: &[u8], body: &str) -> bool {
        self.sealer.open(&format!("audit_events/{body}"), proof).is_ok_and(|plain| plain.is_empty())
    }

    /// The end of an audit log in which nothing is sealed yet.
    pub(crate) fn audit_begin(&self) -> Vec<u8> {
        Head::BEGIN.to_bytes(&self.prf)
    }

    /// A value that [`Seal::recognise`] knows again.
    pub(crate) fn probe(&self) -> Vec<u8> {
        self.close("meta/master_key", Self::PROBE)
    }

    /// Whether `sealed` was made by [`Seal::probe`] under the same master key.
    pub(crate) fn recognise(&self, sealed: &[u8]) -> Result<(), OpenError> {
        match self.sealer.open("meta/master_key", sealed) {
            Ok(plain) if plain.as_slice() == Self::PROBE => Ok(()),
            Err(SealError::OtherKey) => Err(OpenError::OtherMasterKey),
            Ok(_) | Err(SealError::Damaged) => Err(OpenError::Damaged("meta/master_key".to_owned())),
        }
    }
}
