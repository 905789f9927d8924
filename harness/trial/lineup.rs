//! Lineups: which engine each browser of a case gets. A case is run once in each of its lineups.

use std::time::Duration;

use super::Shown;
use super::fit::Question;
use super::plan::{Plan, WrongFixes, plans};
use crate::backend::Missing;
use crate::backend::version::Version;
use crate::browser::Engine;
use crate::case::{Case, Differences, How, Lacking, Step, Turns, WorldSpec};

/// How long no page may have asked for anything, beyond the pause between the two submits, before one POST is told as a
/// guard: an interface may put the second off, behind a timer or the end of the first, and nothing tells what it will do.
const GUARD_QUIET: Duration = Duration::from_millis(500);

/// One choice of engines for a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineup {
    /// The browser that gets the first engine.
    first: Option<String>,
    lead: Engine,
    others: Engine,
    name: Option<String>,
    engines: Vec<Engine>,
}

/// A case in one of its lineups.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The case.
    pub case: Case,
    /// The lineup.
    pub lineup: Lineup,
    /// Whether the wrong fixes are tried in it.
    pub wrong_fixes: WrongFixes,
    /// What is asked by it.
    pub question: Question,
    /// The version of its Kratos, where the run has more than one: names are told apart by it.
    pub kratos: Option<Version>,
}

/// Where wrong fixes are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoroughness {
    /// In the first lineup of a case.
    FirstLineup,
    /// In all of them.
    EveryLineup,
}

impl Lineup {
    /// Every browser of the case is of this engine, unless the case says otherwise.
    pub fn of(case: &Case, engine: Engine) -> Self {
        Self::pair(case, engine, engine)
    }

    fn pair(case: &Case, lead: Engine, others: Engine) -> Self {
        let world = &case.file.world;
        let first = world.browser_names().first().map(|name| (*name).to_owned());
        let mut lineup = Self { first, lead, others, name: None, engines: Vec::new() };
        lineup.engines = lineup.cast(world).browsers.into_iter().flatten().filter_map(|(_, it)| it.engine).collect();
        let mut names: Vec<&str> = lineup.engines.iter().map(|engine| engine.name()).collect();
        names.dedup();
        let name = names.join(" to ");
        lineup.name = (!name.is_empty()).then_some(name);
        lineup
    }

    /// The lineups of a case on these engines, of which there is at least one; never two that are the same.
    pub fn all(case: &Case, engines: &[Engine]) -> Vec<Self> {
        let first = engines.first().copied().unwrap_or_default();
        let wanted = &case.file.engines;
        let pairs: Vec<[Engine; 2]> = match wanted.turns {
            _ if case.file.world.browser_names().is_empty() => vec![[first; 2]],
            Turns::Once => vec![[first; 2]],
            Turns::Each => engines.iter().map(|engine| [*engine; 2]).collect(),
            Turns::Pairs => {
                let here = |pair: &&[Engine; 2]| pair.iter().all(|engine| engines.contains(engine));
                let named: Vec<_> = wanted.pairs.iter().filter(here).copied().collect();
                let ordered = || engines.iter().flat_map(|a| engines.iter().map(move |b| [*a, *b]));
                let different = || ordered().filter(|[a, b]| a != b).collect::<Vec<_>>();
                let any = if named.is_empty() { different() } else { named };
                if any.is_empty() { vec![[first; 2]] } else { any }
            }
        };
        let mut lineups: Vec<Self> = Vec::new();
        for [lead, others] in pairs {
            let lineup = Self::pair(case, lead, others);
            // Where the case names the engine of each browser all are alike.
            if !lineups.iter().any(|it| it.engines == lineup.engines) {
                lineups.push(lineup);
            }
        }
        lineups
    }

    /// Such as `firefox`, or `firefox to webkitgtk`; nothing for a case without a browser.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The engines of the browsers, in the order of their names.
    pub fn engines(&self) -> &[Engine] {
        &self.engines
    }

    /// The world with an engine for each of its browsers; one that the case names stays.
    pub fn cast(&self, world: &WorldSpec) -> WorldSpec {
        let mut world = world.clone();
        for (name, browser) in world.browsers.iter_mut().flatten() {
            let own = if self.first.as_ref() == Some(name) { self.lead } else { self.others };
            browser.engine.get_or_insert(own);
        }
        world
    }
}

impl Turn {
    /// All turns of a case on these engines.
    pub fn all(case: &Case, engines: &[Engine], thoroughness: Thoroughness) -> Vec<Self> {
        let lineups = Lineup::all(case, engines).into_iter().enumerate();
        lineups
            .map(|(number, lineup)| {
                let wrong_fixes = if number == 0 || thoroughness == Thoroughness::EveryLineup {
                    WrongFixes::All
                } else {
                    WrongFixes::None
                };
                Self { case: case.clone(), lineup, wrong_fixes, question: Question::Case, kratos: None }
            })
            .collect()
    }

    /// The trials that follow from it.
    pub fn plans(&self) -> Vec<Plan> {
        let plans = plans(&self.case, &self.lineup, self.wrong_fixes);
        match self.question {
            Question::Case => plans,
            // Twice, since one POST in place of two may be the browser's doing.
            Question::Guard => ["as-it-is", "as-it-is-again"]
                .into_iter()
                .flat_map(|name| plans.iter().take(1).map(move |plan| (name, plan)))
                .map(|(name, plan)| Plan {
                    name: name.to_owned(),
                    wanted: vec![Shown::Symptom, Shown::Instead],
                    quiet: GUARD_QUIET + plan.steps.iter().map(|step| pause(&step.value)).max().unwrap_or_default(),
                    ..plan.clone()
                })
                .collect(),
        }
    }

    /// The same on a version of Kratos.
    ///
    /// # Errors
    /// [`Lacking`] if the case says nothing about it.
    pub fn on(&self, version: &Version, differences: &Differences) -> Result<Self, Lacking> {
        Ok(Self { case: self.case.on(version, differences)?, ..self.clone() })
    }

    /// What tells it from the other turns of its case, in words: the lineup, and the Kratos where there are several.
    pub fn label(&self) -> Option<String> {
        let kratos = self.kratos.as_ref().map(|version| format!("Kratos {version}"));
        let parts: Vec<String> = self.lineup.name().map(str::to_owned).into_iter().chain(kratos).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// How many trials follow from it.
    pub fn trials(&self) -> usize {
        self.plans().len()
    }

    /// What this machine lacks to run it.
    pub fn lacks(&self) -> Option<Missing> {
        self.needs().into_iter().find_map(Engine::lacks)
    }

    /// The engines that it needs, each once: a case may name one in any of its worlds.
    pub fn needs(&self) -> Vec<Engine> {
        let plans = plans(&self.case, &self.lineup, WrongFixes::All);
        let browsers = plans.iter().flat_map(|plan| plan.world.browsers.iter().flatten());
        let mut engines: Vec<Engine> = browsers.filter_map(|(_, browser)| browser.engine).collect();
        engines.sort();
        engines.dedup();
        engines
    }
}

/// Between the two submits of a step.
fn pause(step: &Step) -> Duration {
    match step {
        Step::Submit(it) if it.how != How::Once => it.pause.0,
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use rstest::rstest;

    use super::*;
    use crate::case::CaseFile;

    const ALL: [Engine; 3] = Engine::ALL;

    fn case(engines: &str, browsers: &str) -> Result<Case> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("case.yaml");
        let text = format!(
            "title: t\nengines: {engines}\nworld: {{ browsers: {browsers} }}\nsteps: [{{ switch_to: a }}]\n\
             symptom: [{{ signed_out: a }}]\n"
        );
        std::fs::write(&path, text)?;
        let (file, source) = CaseFile::read(&path)?;
        Ok(Case { id: "c".to_owned(), path, file, source, claim: None })
    }

    #[rstest]
    #[case::each("each", "{ a: {}, b: {} }", &ALL, &["chromium", "firefox", "webkitgtk"])]
    #[case::once("once", "{ a: {} }", &ALL, &["chromium"])]
    #[case::once_on_what_is_asked_for("once", "{ a: {} }", &ALL[1..], &["firefox"])]
    #[case::pairs(
        "pairs", "{ a: {}, b: {} }", &ALL,
        &["chromium to firefox", "chromium to webkitgtk", "firefox to chromium", "firefox to webkitgtk",
          "webkitgtk to chromium", "webkitgtk to firefox"]
    )]
    #[case::one_engine_is_its_own_pair("pairs", "{ a: {}, b: {} }", &ALL[2..], &["webkitgtk"])]
    #[case::named_pairs(
        "{ pairs: [[webkitgtk, chromium], [chromium, firefox]] }", "{ a: {}, b: {} }", &ALL,
        &["webkitgtk to chromium", "chromium to firefox"]
    )]
    #[case::of_named_pairs_those_that_can_be(
        "{ pairs: [[webkitgtk, chromium], [chromium, firefox]] }", "{ a: {}, b: {} }", &ALL[..2],
        &["chromium to firefox"]
    )]
    #[case::none_of_the_named_pairs_can_be(
        "{ pairs: [[webkitgtk, chromium]] }", "{ a: {}, b: {} }", &ALL[..2],
        &["chromium to firefox", "firefox to chromium"]
    )]
    #[case::a_pin_stays("each", "{ a: { engine: firefox }, b: {} }", &ALL, &["firefox to chromium", "firefox", "firefox to webkitgtk"])]
    #[case::all_pinned_is_one("each", "{ a: { engine: firefox }, b: { engine: chromium } }", &ALL, &["firefox to chromium"])]
    #[case::the_last_two_are_alike("pairs", "{ a: {}, b: {}, c: {} }", &ALL[..2], &["chromium to firefox", "firefox to chromium"])]
    fn engines_take_turns(
        #[case] engines: &str,
        #[case] browsers: &str,
        #[case] here: &[Engine],
        #[case] names: &[&str],
    ) -> Result<()> {
        let case = case(engines, browsers)?;

        let lineups = Lineup::all(&case, here);

        let seen: Vec<&str> = lineups.iter().filter_map(Lineup::name).collect();
        assert_eq!(seen, names);
        Ok(())
    }

    #[test]
    fn a_case_without_a_browser_is_run_once_and_names_no_engine() -> Result<()> {
        let lineups = Lineup::all(&case("each", "{}")?, &ALL);

        assert_eq!(lineups.len(), 1);
        assert_eq!(lineups[0].name(), None);
        Ok(())
    }

    #[test]
    fn a_turn_on_one_of_several_versions_says_which() -> Result<()> {
        let mut turn = Turn::all(&case("each", "{ a: {} }")?, &ALL[..1], Thoroughness::FirstLineup).remove(0);
        assert_eq!(turn.label().as_deref(), Some("chromium"));

        turn.kratos = Version::parse("v1.0.0");

        assert_eq!(turn.label().as_deref(), Some("chromium, Kratos v1.0.0"));
        Ok(())
    }

    #[test]
    fn wrong_fixes_are_tried_in_the_first_lineup_or_in_every_one() -> Result<()> {
        let case = case("each", "{ a: {} }")?;
        let tried = |thoroughness| {
            Turn::all(&case, &ALL, thoroughness).iter().map(|it| it.wrong_fixes == WrongFixes::All).collect::<Vec<_>>()
        };

        assert_eq!(tried(Thoroughness::FirstLineup), [true, false, false]);
        assert_eq!(tried(Thoroughness::EveryLineup), [true, true, true]);
        Ok(())
    }
}
