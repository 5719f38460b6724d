//! What judging a second factor costs, without a server: one wrong answer after another on one thread, since a wrong one is
//! compared with all that it could be.

use std::{hint::black_box, time::Duration};

use vestibule_authn_totp::{Algorithm, Device, Digits};
use vestibule_core::{
    Time,
    chain::Seconds,
    code::{Alphabet, CodeSpec, IssuedCode},
    crypto::MasterKey,
    id::InteractionId,
    random::{RandomExt as _, SystemRandom},
};

use super::{
    raw::cpu_micros_of,
    report::{Goal, Line},
};

/// The names of what is measured.
pub(super) const NAMES: [&str; 2] = ["totp", "code"];

/// Processor time of judging one answer: 20,000 codes of apps a second, and 50,000 codes that were sent.
pub(super) fn measure(name: &str, budget: Duration) -> Result<Line, String> {
    let random = SystemRandom::default();
    let now = Time::from_unix_seconds(1_800_000_000);
    match name {
        "totp" => {
            let device = Device::new(random.bytes::<20>().into(), Algorithm::Sha1, Digits::Six);
            let kept = device.secret().map_err(|error| error.to_string())?;
            let judge = || Device::read(&kept).and_then(|device| device.find(black_box("00000000"), 1, now)).is_ok();
            Ok(Line::new("totp", "cpu us/answer", cpu_micros_of(judge, budget)?, None, Goal::AtMost(50.0)))
        }
        _ => {
            let prf = MasterKey::generate(&random).prf();
            let run = InteractionId(random.uuid(now));
            let spec = CodeSpec { length: 6, alphabet: Alphabet::Numeric, life: Seconds(300), tries: 5 };
            let code = IssuedCode { spec, destination: "+12025550142".to_owned(), issue: 1, expires_at: now };
            let judge = || !code.matches(black_box("0000000"), &prf, run, 1);
            Ok(Line::new("code", "cpu us/answer", cpu_micros_of(judge, budget)?, None, Goal::AtMost(20.0)))
        }
    }
}
