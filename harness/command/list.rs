//! `list`: the claims of the page, and which cases cover each.

use std::fmt::Write;

use anyhow::Result;
use serde_json::json;

use super::arguments::{Format, ListArguments};
use super::place;
use crate::case::{Case, Catalogue};
use crate::trial::Verdict;

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
    let mut without = 0;
    for section in &claims.sections {
        let _ = writeln!(text, "{}", section.title);
        for claim in &section.claims {
            let _ = writeln!(text, "\n  {}", claim.id);
            for line in wrap(&format!("\"{}\"", claim.quote), 96) {
                let _ = writeln!(text, "    {line}");
            }
            let cases: Vec<&Case> = catalogue.of_claim(&claim.id).collect();
            if cases.is_empty() {
                without += 1;
                let _ = writeln!(text, "      no case yet");
            }
            for case in cases {
                let verdict = Verdict::from(case.file.expected()).word();
                let wrong = case.file.wrong_fixes.len();
                let _ = writeln!(text, "      {:<46} {verdict:<15} {wrong} wrong fixes", case.id);
            }
        }
        text.push('\n');
    }
    let all = claims.ids().count();
    let _ = writeln!(
        text,
        "{} cases; {} of {all} claims have one, {without} have none yet",
        catalogue.cases().len(),
        all - without
    );
    text
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
