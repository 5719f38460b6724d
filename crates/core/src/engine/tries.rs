//! The budgets of tries: counted before anything is judged.

use std::time::Duration;

use crate::{
    audit::AuditEvent,
    budget::{Budget, BudgetKey, Limited, Limits, Network, Rule, Who},
    crypto::Prf,
    id::{AuthenticatorName, ClientId},
    store::{StoreResult, Tx},
    time::Time,
};

/// For how long the failures of a name that nobody has are remembered.
const NOBODY: Duration = Duration::from_secs(30 * 24 * 3600);

/// The budgets that one try is counted in.
#[derive(Clone)]
pub(super) struct Tries {
    own: (BudgetKey, Rule),
    ceiling: (BudgetKey, Rule),
    network: (BudgetKey, Rule),
}

impl Tries {
    pub(super) fn new(limits: &Limits, prf: &Prf, who: &Who, name: &AuthenticatorName, network: &Network) -> Self {
        let ceiling = match who {
            Who::User(_) => limits.ceiling,
            // Anybody can think up names, so their rows must go at some time; to whoever tries a name it looks the same.
            Who::Nobody(_) => Rule { window: NOBODY, ..limits.ceiling },
        };
        Self {
            own: (BudgetKey::tries(prf, who, name, network), limits.tries),
            ceiling: (BudgetKey::ceiling(prf, who, name), ceiling),
            network: (BudgetKey::network(network), limits.network),
        }
    }

    /// The budgets of a try that a program brings. All its machines are one network, and it brings the mistakes of many people.
    pub(super) fn of_program(
        limits: &Limits,
        prf: &Prf,
        who: &Who,
        name: &AuthenticatorName,
        program: &ClientId,
    ) -> Self {
        let network = Network::of_program(program);
        let own = Self::new(limits, prf, who, name, &network);
        Self { network: (own.network.0.clone(), limits.program), ..own }
    }

    /// Counts a try in all of them, or in none.
    pub(super) fn count(&self, tx: &mut (impl Tx + ?Sized), now: Time) -> StoreResult<Result<(), Limited>> {
        spend_all(tx, &[&self.own, &self.ceiling, &self.network], now)
    }

    /// It was no failure after all.
    pub(super) fn refund(&self, tx: &mut (impl Tx + ?Sized)) -> StoreResult<()> {
        [&self.own, &self.ceiling, &self.network].into_iter().try_for_each(|entry| refund(tx, entry))
    }

    /// It was right: the failures before it are forgiven, but not those that the network had with others.
    pub(super) fn forgive(&self, tx: &mut (impl Tx + ?Sized)) -> StoreResult<()> {
        refund(tx, &self.network)?;
        tx.clear_budget(&self.own.0)?;
        tx.clear_budget(&self.ceiling.0)
    }
}

/// The report that a limit was met. It has a budget, too: whoever goes on trying must not fill the disk with it.
#[derive(Clone)]
pub(super) struct Report {
    pub(super) budget: (BudgetKey, Rule),
    pub(super) event: AuditEvent,
}

impl Report {
    pub(super) fn note(&self, tx: &mut (impl Tx + ?Sized), now: Time) -> StoreResult<()> {
        match spend_all(tx, &[&self.budget], now)? {
            Ok(()) => tx.append_audit(&self.event),
            Err(_) => Ok(()),
        }
    }
}

/// Spends one of each budget, or of none: the longest wait of those that are used up.
pub(super) fn spend_all(
    tx: &mut (impl Tx + ?Sized),
    budgets: &[&(BudgetKey, Rule)],
    now: Time,
) -> StoreResult<Result<(), Limited>> {
    let mut spent: Vec<Budget> = Vec::with_capacity(budgets.len());
    let mut limited: Option<Limited> = None;
    for (key, rule) in budgets {
        match tx.budget(key)?.spend(rule, now) {
            Ok(budget) => spent.push(budget),
            Err(other) => limited = Some(limited.map_or(other, |limited| longer(limited, other))),
        }
    }
    if let Some(limited) = limited {
        return Ok(Err(limited));
    }
    for ((key, rule), budget) in budgets.iter().zip(spent) {
        tx.put_budget(key, budget, budget.forgotten_at(rule))?;
    }
    Ok(Ok(()))
}

pub(super) fn refund(tx: &mut (impl Tx + ?Sized), (key, rule): &(BudgetKey, Rule)) -> StoreResult<()> {
    let budget = tx.budget(key)?;
    if budget.count <= 1 {
        return tx.clear_budget(key);
    }
    let budget = budget.refund();
    tx.put_budget(key, budget, budget.forgotten_at(rule))
}

fn longer(a: Limited, b: Limited) -> Limited {
    Limited { retry_at: a.retry_at.zip(b.retry_at).map(|(a, b)| a.max(b)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::MasterKey, id::UserId, random::SystemRandom, user::LoginName};

    #[test]
    fn names_that_somebody_thought_up_are_forgotten_and_users_are_not() {
        let (random, now) = (SystemRandom::default(), Time::from_unix_seconds(1_000_000));
        let (prf, limits) = (MasterKey::generate(&random).prf(), Limits::default());
        let kept = |who: &Who| {
            let Tries { ceiling, .. } = Tries::new(&limits, &prf, who, &"word".into(), &Network::of(None));
            let spend = |budget: Budget, _| budget.spend(&ceiling.1, now).unwrap();
            (0..100).fold(Budget::default(), spend).forgotten_at(&ceiling.1)
        };
        assert_eq!(kept(&Who::User(UserId::new(now, &random))), Time(i64::MAX));
        assert_eq!(kept(&Who::Nobody(LoginName::parse("nobody").unwrap())), now + NOBODY);
    }
}
