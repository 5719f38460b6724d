//! Budgets: one small row each, replaced whole.

use diesel::prelude::*;
use vestibule_core::{
    budget::{Budget, BudgetKey},
    time::Time,
};

use super::count;
use crate::{error::Verdict, schema::budgets};

on_both! {
    pub(crate) fn budget(tx: &mut Tx, key: &BudgetKey) -> Verdict<Budget> {
        let row = budgets::table.find(&key.0).select((budgets::count, budgets::since, budgets::blocked_until));
        let row: Option<(i64, i64, i64)> = row.get_result(&mut tx.connection).optional()?;
        let Some((counted, since, blocked_until)) = row else { return Ok(Budget::default()) };
        let counted = count("budgets.count", counted)?;
        Ok(Budget { count: counted, since: Time(since), blocked_until: Time(blocked_until) })
    }

    pub(crate) fn put_budget(tx: &mut Tx, key: &BudgetKey, budget: Budget, forgotten_at: Time) -> Verdict<()> {
        let state = (
            budgets::count.eq(i64::from(budget.count)),
            budgets::since.eq(budget.since.0),
            budgets::blocked_until.eq(budget.blocked_until.0),
            budgets::forgotten_at.eq(forgotten_at.0),
        );
        diesel::insert_into(budgets::table)
            .values((budgets::key.eq(&key.0), state))
            .on_conflict(budgets::key)
            .do_update()
            .set(state)
            .execute(&mut tx.connection)?;
        Ok(())
    }

    pub(crate) fn clear_budget(tx: &mut Tx, key: &BudgetKey) -> Verdict<()> {
        diesel::delete(budgets::table.find(&key.0)).execute(&mut tx.connection)?;
        Ok(())
    }
}
