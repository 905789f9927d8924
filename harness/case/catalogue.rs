//! All cases that there are, and the choice of some of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::claims::{Claim, Claims};
use super::differences::Differences;
use super::error::CaseError;
use super::file::CaseFile;
use super::nearest::nearest;
use super::validate::validate;

/// A case that was read and found usable.
#[derive(Debug, Clone)]
pub struct Case {
    /// The path under `fixtures/cases` without the ending, or the file's name for one from elsewhere.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// What it says.
    pub file: CaseFile,
    /// Its text.
    pub source: String,
    /// The claim that it is about, and the heading of its section; nothing where it names none.
    pub claim: Option<(Claim, String)>,
}

/// Every case of the fixtures, with the claims that they are about.
#[derive(Debug)]
pub struct Catalogue {
    fixtures: PathBuf,
    claims: Claims,
    differences: Differences,
    cases: Vec<Case>,
}

/// Nothing was selected: the command line ends with exit code 4.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing is selected by `{0}`{1}")]
pub struct NothingSelected(String, String);

impl NothingSelected {
    /// A run of this many cases in their lineups was split so often that nothing is left for this shard.
    pub fn in_shard(shard: &str, turns: usize) -> Self {
        Self(shard.to_owned(), format!(" (hint: the run has {turns} cases with their engines; split it less often)"))
    }
}

impl Catalogue {
    /// Reads and validates every case below `fixtures/cases`.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn read(fixtures: &Path) -> Result<Self, CaseError> {
        let claims = Claims::read(&fixtures.join("claims.yaml"))?;
        let differences = Differences::read(fixtures)?;
        let root = fixtures.join("cases");
        let mut paths = Vec::new();
        collect(&root, &mut paths)?;
        paths.sort();
        let mut catalogue = Self { fixtures: fixtures.to_owned(), claims, differences, cases: Vec::new() };
        for path in paths {
            let id = path.strip_prefix(&root).unwrap_or(&path).with_extension("").to_string_lossy().into_owned();
            let case = catalogue.load(&path, id)?;
            catalogue.cases.push(case);
        }
        Ok(catalogue)
    }

    /// Reads and validates one case from anywhere.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn read_file(&self, path: &Path) -> Result<Case, CaseError> {
        let id = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        self.load(path, id)
    }

    fn load(&self, path: &Path, id: String) -> Result<Case, CaseError> {
        let (file, source) = CaseFile::read_in_place(path)?;
        validate(&file, &source, path, &self.claims, &self.differences, &self.fixtures)?;
        let claim = file.claim.as_ref().and_then(|id| {
            let (claim, section) = self.claims.find(&id.value)?;
            Some((claim.clone(), section.to_owned()))
        });
        let source = source.trim_start_matches('\n').to_owned();
        Ok(Case { id, path: path.to_owned(), file, source, claim })
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What differs between the versions of Kratos.
    pub fn differences(&self) -> &Differences {
        &self.differences
    }

    /// All cases in the order of their ids.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The cases of a claim.
    pub fn of_claim<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Case> {
        self.cases.iter().filter(move |case| case.claim.as_ref().is_some_and(|(claim, _)| claim.id == id))
    }

    /// The cases that the words name: each a case's id, a folder of cases, a claim's id or the front of one up to a
    /// dot, or the path of a file. No words name all.
    ///
    /// # Errors
    /// [`CaseError`] for a file that cannot be used, [`NothingSelected`] for a word that names nothing.
    pub fn select(&self, words: &[String]) -> anyhow::Result<Vec<Case>> {
        if words.is_empty() {
            return Ok(self.cases.clone());
        }
        let mut chosen: Vec<Case> = Vec::new();
        for word in words {
            let named: Vec<Case> = self.cases.iter().filter(|case| names(word, case)).cloned().collect();
            let path = Path::new(word);
            if let Some(inner) = self.inner_name(word).filter(|_| named.is_empty() && !path.is_file()) {
                return Err(NothingSelected(word.clone(), format!(" (hint: did you mean `{inner}`?)")).into());
            }
            if named.is_empty() && (path.exists() || looks_like_file(word)) {
                chosen.push(self.read_file(path)?);
            } else if named.is_empty() {
                let all = self.cases.iter().map(|case| case.id.as_str()).chain(self.claims.ids());
                // A folder of cases and the front of a claim's id are names too.
                let known: Vec<&str> = all.flat_map(|id| [Some(id), front(id)]).flatten().collect();
                let hint = match nearest(word, &known) {
                    hint if hint.contains("did you mean") => hint,
                    _ => " (hint: `kratos-repro list` shows every case and claim)".to_owned(),
                };
                return Err(NothingSelected(word.clone(), hint).into());
            }
            for case in named {
                if !chosen.iter().any(|it| it.id == case.id) {
                    chosen.push(case);
                }
            }
        }
        Ok(chosen)
    }

    /// The end of a path that names cases by itself, as `code-flows` of `fixtures/cases/code-flows`.
    fn inner_name<'a>(&self, word: &'a str) -> Option<&'a str> {
        let ends = word.match_indices('/').map(|(place, _)| word[place + 1..].trim_end_matches('/'));
        ends.filter(|end| !end.is_empty()).find(|end| self.cases.iter().any(|case| names(end, case)))
    }
}

/// A case's folder, or what stands before the dot of a claim.
fn front(id: &str) -> Option<&str> {
    id.split_once(['/', '.']).map(|(front, _)| front)
}

fn names(word: &str, case: &Case) -> bool {
    let word = word.trim_end_matches('/');
    let claim = case.claim.as_ref().map_or("", |(claim, _)| claim.id.as_str());
    case.id == word
        || case.id.strip_prefix(word).is_some_and(|rest| rest.starts_with('/'))
        || claim == word
        || claim.strip_prefix(word).is_some_and(|rest| rest.starts_with('.'))
}

fn looks_like_file(word: &str) -> bool {
    let end = Path::new(word).extension().and_then(|end| end.to_str()).unwrap_or_default();
    ["yaml", "yml", "md", "markdown"].contains(&end)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), CaseError> {
    let wrong = |error: std::io::Error| CaseError::whole(folder, format!("cannot be read: {error}"));
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(wrong)?);
        // A link may lead out of the fixtures, or back up to a folder that is being read.
        if kind.is_symlink() {
            return Err(CaseError::whole(&path, "is a symbolic link, which is not followed here"));
        }
        if kind.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|end| end == "yaml") {
            paths.push(path);
        }
    }
    Ok(())
}
