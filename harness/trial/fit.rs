//! Which cases can be asked of an interface that somebody else wrote, and as which question. What rests on a key of the
//! fixture interface cannot; a guard against double submits cannot be switched on there, so it is what is asked for.

use super::NotRun;
use crate::case::interface::{Credentials, Expired, Guard, Submit};
use crate::case::{Case, Change, Check, Step, WorldSpec};

/// What is asked by a case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Question {
    /// What its file says.
    #[default]
    Case,
    /// Whether the interface lets a second submit through.
    Guard,
}

/// A case that can be asked of another interface.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The case, without what cannot be.
    pub case: Case,
    /// What is asked by it.
    pub question: Question,
    /// What was left out of it.
    pub left_out: Vec<NotRun>,
}

/// Fits a case to an interface that somebody else wrote.
///
/// # Errors
/// What the case needs that such an interface does not have, in words.
pub fn fit(mut case: Case) -> Result<Fitted, NotRun> {
    let refusal = |need: String| NotRun {
        case: case.id.clone(),
        reason: format!("it is not run with another interface: it needs {need}"),
    };
    let file = &case.file;
    let fix_checks = file.fix.iter().flat_map(|fix| &fix.expect);
    let checks = file.symptom.iter().chain(&file.instead).chain(fix_checks).map(|check| &check.value);
    let fix_steps = file.fix.iter().flat_map(|fix| fix.steps.iter().flatten());
    let steps = file.steps.iter().chain(fix_steps).map(|step| &step.value);
    let need = need_of_world(&file.world).or_else(|| steps.filter_map(need_of_step).next());
    if let Some(need) = need.or_else(|| checks.filter_map(need_of_check).next()) {
        return Err(refusal(need));
    }
    let change = file.fix.as_ref().and_then(|fix| fix.world.as_ref());
    let fixed = change.map(|change| file.world.with(change));
    if let Some(need) = fixed.as_ref().and_then(need_of_world) {
        let counts = file.symptom.iter().any(|check| matches!(check.value, Check::Posts(_)));
        let by_guard = fixed.is_some_and(|world| guard(&world) != Guard::None && need_of_rest(&world).is_none());
        let same_steps = file.fix.as_ref().is_some_and(|fix| fix.steps.is_none());
        return if counts && by_guard && same_steps { Ok(ask_for_guard(case)) } else { Err(refusal(need)) };
    }
    let mut left_out = Vec::new();
    let world = file.world.clone();
    let id = case.id.clone();
    let mut keep = |what: &str, changes: &mut Vec<Change>| {
        changes.retain(|change| {
            let of_world = change.world.as_ref().and_then(|change| need_of_world(&world.with(change)));
            let of_steps = || change.steps.iter().flatten().find_map(|step| need_of_step(&step.value));
            let of_checks = || change.instead.iter().find_map(|check| need_of_check(&check.value));
            let need = of_world.or_else(of_steps).or_else(of_checks);
            left_out.extend(need.iter().map(|need| NotRun {
                case: id.clone(),
                reason: format!("its {what} \"{}\" is not tried with another interface: it needs {need}", change.why),
            }));
            need.is_none()
        });
    };
    keep("other fix", &mut case.file.other_fixes);
    keep("wrong fix", &mut case.file.wrong_fixes);
    Ok(Fitted { case, question: Question::Case, left_out })
}

/// The same steps once, with the POSTs that arrive as what tells, and what a guard promises in the fix's place.
fn ask_for_guard(mut case: Case) -> Fitted {
    let file = &mut case.file;
    file.symptom.retain(|check| matches!(check.value, Check::Posts(_)));
    file.instead = file.fix.take().map(|fix| fix.expect).unwrap_or_default();
    // That it went well is told by Kratos where it can be; whether the page says so is another question.
    let is_message = |check: &Check| matches!(check, Check::Message(_));
    if file.instead.iter().any(|check| !is_message(&check.value) && !matches!(check.value, Check::Posts(_))) {
        file.instead.retain(|check| !is_message(&check.value));
    }
    file.other_fixes.clear();
    file.wrong_fixes.clear();
    Fitted { case, question: Question::Guard, left_out: Vec::new() }
}

fn guard(world: &WorldSpec) -> Guard {
    world.ui.as_ref().map(|ui| ui.guard()).unwrap_or_default()
}

/// What of a world only the fixture interface has.
fn need_of_world(world: &WorldSpec) -> Option<String> {
    let guard = guard(world);
    need_of_rest(world).or_else(|| (guard != Guard::None).then(|| format!("`guard: {guard}`")))
}

/// The same but for the guard.
fn need_of_rest(world: &WorldSpec) -> Option<String> {
    if world.tenants.is_some() {
        return Some("pages for several tenants".to_owned());
    }
    let ui = world.ui.as_ref()?;
    let needs = [
        (ui.submit() == Submit::Ajax, "`submit: ajax`"),
        (ui.asks.is_some() || ui.tenants.is_some(), "pages for several tenants"),
        (ui.credentials.is_some_and(|it| it != Credentials::default()), "`credentials: same-origin`"),
        (ui.expired.is_some_and(|it| it != Expired::default()), "its own way with a flow that has expired"),
    ];
    needs.into_iter().find(|(needed, _)| *needed).map(|(_, need)| need.to_owned())
}

fn need_of_step(step: &Step) -> Option<String> {
    match step {
        Step::Follow(it) => Some(format!("the link `{}`", it.link)),
        _ => None,
    }
}

fn need_of_check(check: &Check) -> Option<String> {
    match check {
        Check::Shown(it) => Some(format!("`{}` on the page", it.id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use anyhow::{Context, Result};
    use rstest::rstest;

    use super::*;
    use crate::browser::Engine;
    use crate::case::Catalogue;
    use crate::trial::{Thoroughness, Turn};

    fn case(id: &str) -> Result<Case> {
        let catalogue = Catalogue::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"))?;
        catalogue.select(&[id.to_owned()])?.pop().context("no case")
    }

    #[rstest]
    #[case::ajax("code-flows/login-ajax-double-click", "`submit: ajax`")]
    #[case::tenants("tenants/two-routes-login", "several tenants")]
    #[case::link("neighbours/stale-form-after-logout", "`logout-link`")]
    #[case::expired("neighbours/expired-flow-loses-return-to", "expired")]
    fn what_rests_on_our_interface_is_refused_by_name(#[case] id: &str, #[case] need: &str) -> Result<()> {
        let refused = fit(case(id)?).err().context("it was taken")?;

        assert_eq!(refused.case, id);
        assert!(refused.reason.contains(need), "{}", refused.reason);
        Ok(())
    }

    #[test]
    fn a_double_submit_asks_for_the_guard() -> Result<()> {
        let fitted = fit(case("code-flows/registration-form-double-click")?).ok().context("it was refused")?;

        assert_eq!(fitted.question, Question::Guard);
        assert!(matches!(fitted.case.file.symptom.as_slice(), [check] if matches!(check.value, Check::Posts(_))));
        assert!(fitted.case.file.fix.is_none() && fitted.case.file.instead.len() == 4);
        Ok(())
    }

    #[test]
    fn one_post_is_a_guard_only_after_longer_than_between_the_two_submits() -> Result<()> {
        let fitted = fit(case("code-flows/registration-form-double-click")?).ok().context("it was refused")?;
        let turn = Turn::all(&fitted.case, &[Engine::Chromium], Thoroughness::FirstLineup).remove(0);
        let quiet = |question| Turn { question, ..turn.clone() }.plans().iter().map(|plan| plan.quiet).min();

        let pause = Duration::from_millis(400);
        assert!(quiet(Question::Guard) > Some(pause), "{:?}", quiet(Question::Guard));
        assert!(quiet(Question::Case) < Some(pause), "{:?}", quiet(Question::Case));
        Ok(())
    }

    #[rstest]
    #[case::kratos_can_tell("code-flows/recovery-form-double-click", false)]
    #[case::the_page_alone_can_tell("code-flows/verification-form-double-click", true)]
    fn a_message_is_asked_for_where_nothing_else_tells_that_it_went_well(
        #[case] id: &str,
        #[case] asked: bool,
    ) -> Result<()> {
        let fitted = fit(case(id)?).ok().context("it was refused")?;

        let mut checks = fitted.case.file.instead.iter().map(|check| &check.value);
        assert_eq!(checks.any(|check| matches!(check, Check::Message(_))), asked);
        Ok(())
    }

    #[test]
    fn a_wrong_fix_that_cannot_be_is_left_out_and_named() -> Result<()> {
        let whole = case("cross-browser/recovery-fetched-elsewhere")?;
        let tried = whole.file.wrong_fixes.len();

        let fitted = fit(whole).ok().context("it was refused")?;

        assert_eq!((fitted.question, fitted.case.file.wrong_fixes.len()), (Question::Case, tried - 1));
        assert!(matches!(fitted.left_out.as_slice(), [one] if one.reason.contains("`submit: ajax`")));
        Ok(())
    }
}
