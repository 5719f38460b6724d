//! How safe an account is: what is set up, and what is missing, the worst first.

use vestibule_authn_password::Password;
use vestibule_authn_recovery::{Recovery, is_bypass};
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    FactorClass, Registry,
    evidence::Property,
    id::AuthenticatorName,
    prompt::Text,
    store::{StoreExt as _, StoreResult},
    user::{Credential, User},
};

use super::{FACTORS, PASSWORD, factors};
use crate::{
    insider::Visitor,
    pages::{Better, Check, Tone},
    state::{State, Transaction},
};

/// So few codes on paper are a reason to make new ones.
const FEW_CODES: usize = 3;

/// What can be said of the visitor's account.
pub(super) async fn checks(state: &State, visitor: &Visitor) -> StoreResult<Vec<Check>> {
    let id = visitor.user.id;
    let credentials = state.store.read(move |tx: &mut Transaction| tx.credentials_of(id)).await?;
    let registry = state.engine.registry();
    let mut checks = Vec::new();
    let add = |text: &str| Some(better(state, FACTORS, text)).filter(|_| !factors::ways(state).is_empty());
    checks.push(match beyond_password(registry, &visitor.user, &credentials) {
        0 => Check { better: add("check.add"), ..check(Tone::Bad, "check.password_only") },
        1 => Check { better: add("check.add"), ..check(Tone::Plain, "check.single") },
        _ => check(Tone::Good, "check.more"),
    });
    if visitor.user.phone_number.is_some() && !visitor.user.phone_number_verified {
        checks.push(check(Tone::Plain, "check.number"));
    }
    if let Some(left) = codes_left(state, &credentials).filter(|left| *left <= FEW_CODES) {
        let text = Text::new("check.codes_few").with("left", left);
        checks.push(Check { text, better: add("check.add"), ..check(Tone::Bad, "check.codes_few") });
    }
    if could_be_phishing_resistant(state, &credentials) {
        checks.push(Check { better: add("check.add"), ..check(Tone::Plain, "check.phishing") });
    }
    checks.push(match credentials.iter().rfind(|own| own.authenticator.as_str() == Password::NAME) {
        Some(password) => Check {
            at: Some(password.created_at.into()),
            better: Some(better(state, PASSWORD, "check.look")),
            ..check(Tone::Good, "check.password")
        },
        None => check(Tone::Good, "check.no_password"),
    });
    checks.sort_by_key(|check| match check.tone {
        Tone::Bad => 0,
        Tone::Plain => 1,
        Tone::Good => 2,
    });
    Ok(checks)
}

/// How many codes on paper somebody has left, if they have any such sheet.
fn codes_left(state: &State, credentials: &[Credential]) -> Option<usize> {
    let (registry, now) = (state.engine.registry(), state.clock.now());
    let sheets = credentials.iter().filter(|own| own.authenticator.as_str() == Recovery::NAME && !is_bypass(own));
    sheets.filter_map(|own| registry.get(&own.authenticator)?.uses_left(own, now)).max()
}

fn check(tone: Tone, text: &str) -> Check {
    Check { tone, text: Text::new(text), at: None, better: None }
}

fn better(state: &State, path: &str, text: &str) -> Better {
    Better { href: state.public.path(path), text: Text::new(text) }
}

/// How many ways somebody has that are more than knowledge.
fn beyond_password(registry: &Registry, user: &User, credentials: &[Credential]) -> usize {
    let number = user.phone_number_verified && registry.beyond_knowledge(&AuthenticatorName::from(SmsOtp::NAME));
    let own = credentials.iter().filter(|own| registry.beyond_knowledge(&own.authenticator)).count();
    own + usize::from(number)
}

/// Whether there is a way that nobody can be talked out of, and they have none of the kind.
fn could_be_phishing_resistant(state: &State, credentials: &[Credential]) -> bool {
    let resists = |name: &AuthenticatorName| {
        let known = state.engine.registry().get(name).map(|known| known.descriptor());
        known.is_some_and(|known| {
            known.properties.contains(&Property::PhishingResistant) && known.factors.contains(&FactorClass::Possession)
        })
    };
    let has = credentials.iter().any(|own| resists(&own.authenticator));
    !has && factors::ways(state).iter().any(resists)
}
