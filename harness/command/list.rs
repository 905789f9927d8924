//! `list`: the claims of the page, and which cases cover each.

use std::fmt::Write;

use anyhow::Result;
use serde_json::json;

use super::arguments::{Format, ListArguments};
use super::place;
use crate::browser::Engine;
use crate::case::{Case, Catalogue, Claim};
use crate::trial::{Lineup, Verdict};

/// How long a line of prose is at most.
const WIDTH: usize = 96;

/// What the id of a claim begins with that is from another page than the one that all this grew from.
const NEIGHBOURS: &str = "neighbours.";

pub(super) fn list(arguments: &ListArguments) -> Result<u8> {
    let catalogue = Catalogue::read(&place::fixtures()?)?;
    let text = match arguments.format {
        Format::Text => text(&catalogue),
        Format::Json => json(&catalogue)?,
    };
    place::print(&text)?;
    Ok(super::AS_EXPECTED)
}

fn text(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    let claims = catalogue.claims();
    let width = catalogue.cases().iter().map(|case| case.id.len()).max().unwrap_or_default();
    for section in &claims.sections {
        let _ = writeln!(text, "{}", section.title);
        for claim in &section.claims {
            let _ = writeln!(text, "\n  {}", claim.id);
            for line in wrap(&format!("\"{}\"", claim.quote), WIDTH) {
                let _ = writeln!(text, "    {line}");
            }
            for line in wrap(&format!("What is so: {}", claim.truth), WIDTH) {
                let _ = writeln!(text, "    {line}");
            }
            let cases: Vec<&Case> = catalogue.of_claim(&claim.id).collect();
            if cases.is_empty() {
                let _ = writeln!(text, "      no case yet");
            }
            for case in cases {
                let verdict = Verdict::from(case.file.expected()).word();
                let line = format!("      {:<width$}  {verdict:<14}  {}", case.id, wrong_fixes(case));
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        text.push('\n');
    }
    text.push_str(&totals(catalogue));
    text
}

fn wrong_fixes(case: &Case) -> String {
    match case.file.wrong_fixes.len() {
        0 => String::new(),
        1 => "1 wrong fix".to_owned(),
        count => format!("{count} wrong fixes"),
    }
}

/// How many cases there are, and how many claims have one.
fn totals(catalogue: &Catalogue) -> String {
    let cases = catalogue.cases();
    let lineups: usize = cases.iter().map(|case| Lineup::all(case, &Engine::ALL).len()).sum();
    let claims = || catalogue.claims().sections.iter().flat_map(|section| &section.claims);
    let (neighbours, page): (Vec<_>, Vec<_>) = claims().partition(|claim| claim.id.starts_with(NEIGHBOURS));
    let covered = |claims: &[&Claim]| {
        let count = claims.iter().filter(|claim| catalogue.of_claim(&claim.id).next().is_some()).count();
        format!("{count} of {}", claims.len())
    };
    format!(
        "{} cases, {lineups} with their engines (on all {})\n{} claims of the page have a case, and {} neighbours\n",
        cases.len(),
        Engine::ALL.len(),
        covered(&page),
        covered(&neighbours)
    )
}

fn json(catalogue: &Catalogue) -> Result<String> {
    let claims: Vec<_> = catalogue
        .claims()
        .sections
        .iter()
        .flat_map(|section| section.claims.iter().map(move |claim| (section, claim)))
        .map(|(section, claim)| {
            let cases: Vec<_> = catalogue
                .of_claim(&claim.id)
                .map(|case| {
                    json!({
                        "id": case.id, "title": case.file.title,
                        "expected": Verdict::from(case.file.expected()).word(),
                        "wrong_fixes": case.file.wrong_fixes.len(),
                    })
                })
                .collect();
            json!({ "id": claim.id, "section": section.title, "quote": claim.quote, "truth": claim.truth, "cases": cases })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&claims)?)
}

/// Breaks a text at spaces into lines of at most so many characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
