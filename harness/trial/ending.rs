//! The end of a trial: asks the checks until it has shown something that no request of its steps can change any more.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::MissedTickBehavior;

use super::look::Standpoint;
use super::plan::Plan;
use super::{CheckRole, CheckSeen, Shown, TrialOutcome};
use crate::case::Check;
use crate::edge::UPSTREAM_LIMIT;
use crate::wait::{Deadline, crowding};
use crate::world::World;

/// How long the checks are asked again until they hold, beyond the time that one of them itself is about.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// How often they are asked at least: where the machine is slow, so is the world that they look at.
const CHECK_LOOKS: usize = 10;

/// How often.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// How long the requests of the steps may take to be over: longer than the edge waits for a server.
const REST_LIMIT: Duration = UPSTREAM_LIMIT.saturating_add(Duration::from_secs(5));

/// Asks the checks until the trial has shown something, or for [`CHECK_LIMIT`] and [`CHECK_LOOKS`] times. Nothing is
/// told while requests of the steps are under way: with the next answer the symptom may show yet, or go. It is told where
/// one of its lines is about requests that stay open.
///
/// # Errors
/// When a check cannot be made, or the requests of the steps are not over within [`REST_LIMIT`].
pub(super) async fn checks(
    plan: &Plan,
    world: &World,
    current: Option<&str>,
    outcome: &mut TrialOutcome,
) -> Result<()> {
    let record = world.edge().record();
    let last_step = plan.steps.len();
    record.set_step(last_step + 1);
    let standpoint = Standpoint { world, current, last_step, symptom_from: plan.symptom_from };
    let all = || plan.symptom.iter().chain(&plan.expect).chain(&plan.instead).map(|check| &check.value);
    let mut deadline = Deadline::after(CHECK_LIMIT + all().map(|check| check.waits_for()).max().unwrap_or_default());
    let mut rest_deadline = Deadline::after(REST_LIMIT);
    let mut tick = tokio::time::interval(CHECK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let is_of_waiting = plan.symptom.iter().any(|check| matches!(check.value, Check::Unanswered(_)));
    let ended = Instant::now();
    let mut looks = 0;
    loop {
        tick.tick().await;
        // Asked before the symptom itself: what can come no more then either shows now or never does.
        let may_come = standpoint.may_come(&plan.symptom, ended.elapsed());
        // What follows one request comes later where the machine is slow.
        let under_way = standpoint.under_way(all(), plan.quiet.mul_f64(crowding()));
        // What a page asks for while a check has its browser open another page could not be told from what that asks for.
        if under_way.is_some() && !is_of_waiting && !rest_deadline.left().is_zero() {
            continue;
        }
        looks += 1;
        let begin = Instant::now();
        let symptom = standpoint.look(CheckRole::Symptom, &plan.symptom).await?;
        let expect = standpoint.look(CheckRole::Expect, &plan.expect).await?;
        let instead = standpoint.look(CheckRole::Instead, &plan.instead).await?;
        let before = outcome.shown;
        outcome.shown = if all_held(&symptom) {
            Shown::Symptom
        } else if all_held(&expect) {
            Shown::Fixed
        } else if all_held(&instead) {
            Shown::Instead
        } else {
            Shown::Neither
        };
        outcome.checks = symptom.into_iter().chain(expect).chain(instead).collect();
        // Looking takes time, in which a request may have come that the first of the looks has not seen. A page that never
        // stops asking shows the same time after time.
        let quiet = if before == outcome.shown { Duration::ZERO } else { begin.elapsed() };
        let under_way = under_way.or_else(|| standpoint.under_way(all(), quiet));
        match (outcome.shown, under_way) {
            (Shown::Symptom, under_way) if under_way.is_none() || is_of_waiting => break,
            (_, Some(what)) if rest_deadline.left().is_zero() => {
                let seen = surprise(outcome);
                bail!("the requests of the steps were not over within {rest_deadline}: {what}; until then {seen}");
            }
            (_, Some(_)) => {}
            (Shown::Fixed | Shown::Instead, None) if !may_come => break,
            (_, None) if deadline.left().is_zero() && looks >= CHECK_LOOKS => break,
            (_, None) => {}
        }
    }
    if outcome.shown == Shown::Symptom && !plan.promised.is_empty() && standpoint.all_hold(&plan.promised).await {
        bail!(
            "all of `expect` holds without the fix as well, so it proves none (hint: add what is so with the fix alone)"
        );
    }
    if !outcome.as_expected() {
        outcome.cause = Some(surprise(outcome));
    }
    Ok(())
}

/// All of a list that has any.
fn all_held(checks: &[CheckSeen]) -> bool {
    !checks.is_empty() && checks.iter().all(|check| check.held)
}

fn surprise(outcome: &TrialOutcome) -> String {
    let lines = |role: Option<CheckRole>, held: bool| {
        let of_role =
            outcome.checks.iter().filter(|check| role.is_none_or(|role| check.role == role) && check.held == held);
        of_role.map(|check| format!("expected {}, saw {}", check.expected, check.seen)).collect::<Vec<_>>().join("; ")
    };
    match outcome.shown {
        Shown::Symptom => format!("the symptom shows: {}", lines(Some(CheckRole::Symptom), true)),
        Shown::Fixed => "it counts as fixed: every line of `expect` held and the symptom is gone".to_owned(),
        Shown::Instead => "what the case says happens instead held".to_owned(),
        Shown::Neither | Shown::Error => lines(None, false),
    }
}
