//! The order of cases in a report, which a report of several runs shares with that of one.

use crate::case::Claims;
use crate::trial::CaseOutcome;

/// Puts cases in the order of the page; bug reports, which name no claim, come last.
pub fn put_in_order(cases: &mut [CaseOutcome], claims: &Claims) {
    let place = |case: &CaseOutcome| claims.ids().position(|id| id == case.claim.id).unwrap_or(usize::MAX);
    cases.sort_by(|a, b| (place(a), &a.id, &a.engine, &a.platform).cmp(&(place(b), &b.id, &b.engine, &b.platform)));
}
