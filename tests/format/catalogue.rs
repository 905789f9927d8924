//! The cases of the fixtures, and how some of them are chosen.

use anyhow::{Context, Result};
use kratos_repro::case::{Catalogue, NothingSelected, WorldSpec};
use rstest::rstest;

use super::{Desk, GOOD, fixtures};

fn ids(words: &[&str]) -> Result<Vec<String>> {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    Ok(Catalogue::read(&fixtures())?.select(&words)?.into_iter().map(|case| case.id).collect())
}

#[test]
fn every_case_is_read_and_is_about_a_claim_of_the_page() -> Result<()> {
    let catalogue = Catalogue::read(&fixtures())?;

    assert!(!catalogue.cases().is_empty());
    for case in catalogue.cases() {
        let (claim, _) = case.claim.as_ref().with_context(|| format!("`{}` names no claim", case.id))?;
        assert!(catalogue.claims().find(&claim.id).is_some(), "`{}` is about `{}`", case.id, claim.id);
        assert!(catalogue.of_claim(&claim.id).any(|it| it.id == case.id));
    }
    Ok(())
}

#[test]
fn every_case_is_found_by_its_id_alone() -> Result<()> {
    let catalogue = Catalogue::read(&fixtures())?;
    for case in catalogue.cases() {
        let chosen = catalogue.select(std::slice::from_ref(&case.id))?;
        assert_eq!(chosen.iter().map(|it| &it.id).collect::<Vec<_>>(), [&case.id]);
    }
    Ok(())
}

#[test]
fn a_fix_that_is_put_over_its_world_twice_changes_nothing_more() -> Result<()> {
    for case in Catalogue::read(&fixtures())?.cases() {
        let fix = case.file.fix.iter().map(|fix| &fix.world);
        let others = case.file.other_fixes.iter().chain(&case.file.wrong_fixes).map(|it| &it.world);
        for change in fix.chain(others).flatten() {
            let once = case.file.world.with(change);
            assert_eq!(once.with(change), once, "in `{}`", case.id);
            assert_ne!(once, case.file.world, "a change of `{}` changes nothing", case.id);
        }
        assert_eq!(case.file.world.with(&WorldSpec::default()), case.file.world);
    }
    Ok(())
}

#[rstest]
#[case::exact_id("code-flows/login-form-double-click", "code-flows/login-form-double-click", 1)]
#[case::folder("code-flows", "code-flows/", 2)]
#[case::folder_with_slash("cross-browser/", "cross-browser/", 2)]
fn a_word_names_cases(#[case] word: &str, #[case] front: &str, #[case] at_least: usize) -> Result<()> {
    let ids = ids(&[word])?;

    assert!(ids.len() >= at_least, "{ids:?}");
    assert!(ids.iter().all(|id| id.starts_with(front)), "{ids:?}");
    Ok(())
}

#[test]
fn a_claim_and_the_front_of_one_name_its_cases() -> Result<()> {
    let catalogue = Catalogue::read(&fixtures())?;
    let of = |front: &str| -> Vec<String> {
        let about = |claim: &str| claim == front || claim.starts_with(&format!("{front}."));
        let cases = catalogue.cases().iter();
        cases
            .filter(|it| it.claim.as_ref().is_some_and(|(claim, _)| about(&claim.id)))
            .map(|it| it.id.clone())
            .collect()
    };

    assert_eq!(ids(&["cross-browser.curl"])?, of("cross-browser.curl"));
    assert!(!of("cross-browser.curl").is_empty());
    // The folder has the same name as the front of the claims: a case of either is chosen, and once only.
    let chosen = ids(&["cross-browser", "cross-browser.curl"])?;
    assert!(of("cross-browser").iter().all(|id| chosen.contains(id)), "{chosen:?}");
    let mut once = chosen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), chosen.len());
    Ok(())
}

#[test]
fn no_words_name_every_case() -> Result<()> {
    assert_eq!(ids(&[])?.len(), Catalogue::read(&fixtures())?.cases().len());
    Ok(())
}

#[test]
fn a_path_names_its_file() -> Result<()> {
    let desk = Desk::new()?;
    let words: Vec<String> =
        ["report.yaml", "bug.md"].iter().map(|name| desk.path(name).display().to_string()).collect();
    desk.write("report.yaml", GOOD)?;
    desk.write("bug.md", format!("```yaml\n{GOOD}```\n"))?;

    let chosen = desk.catalogue.select(&words)?;

    assert_eq!(chosen.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["report", "bug"]);
    Ok(())
}

#[rstest]
#[case::slip("code-flows/login-form-double-clik", "(hint: did you mean `code-flows/login-form-double-click`?)")]
#[case::slip_in_a_claim("cross-browser.curll", "(hint: did you mean `cross-browser.curl`?)")]
#[case::slip_in_a_folder("code-flow", "(hint: did you mean `code-flows`?)")]
#[case::path_of_a_folder("fixtures/cases/code-flows/", "(hint: did you mean `code-flows`?)")]
#[case::far_off("zzz", "(hint: `kratos-repro list` shows every case and claim)")]
#[case::nothing("", "(hint: `kratos-repro list` shows every case and claim)")]
#[case::half_a_folder("code-flow-of-something-else-entirely", "(hint: `kratos-repro list` shows every case and claim)")]
fn a_word_that_names_nothing_is_told(#[case] word: &str, #[case] hint: &str) -> Result<()> {
    let error = ids(&[word]).err().context("something was chosen")?;

    assert!(error.is::<NothingSelected>(), "{error:#}");
    assert_eq!(error.to_string(), format!("nothing is selected by `{word}` {hint}"));
    Ok(())
}

#[test]
fn a_path_that_is_not_there_is_told_as_a_file() -> Result<()> {
    let error = ids(&["nowhere/bug.yaml"]).err().context("something was chosen")?;

    assert!(error.to_string().starts_with("nowhere/bug.yaml: cannot be read: "), "{error:#}");
    Ok(())
}
