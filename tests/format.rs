//! The case format: what is read, and what an author is told about what cannot be.

mod catalogue;
mod clients;
mod hostile;
mod migration;
mod network;
mod reading;
mod refusals;
mod versions;
mod worlds;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kratos_repro::case::{Case, CaseError, Catalogue};
use tempfile::TempDir;

/// A case that is right in every line. The refusals are told of copies with one change.
const GOOD: &str = "\
claim: code-flows.disable
title: A double click shows an error
world:
  kratos: { profile: code, config: { log: { level: info } } }
  ui: { submit: form, guard: none }
  browsers: { a: {} }
  clients: { c: { program: http } }
  faults: [{ host: ory.example.test, delay_answer: 400ms }]
steps:
  - identity: { email: ada@example.test }
  - open: { in: a, flow: login }
  - read_mail: ada@example.test
  - fill: { code: $code }
  - submit: { method: code, how: double-click }
  - start_flow: { by: c, flow: login }
symptom:
  - posts: { path: /self-service/login, count: 2 }
  - message: 4010002
fix:
  why: The page says so.
  world: { ui: { guard: disable } }
  expect:
    - signed_in: { in: a, as: ada@example.test }
wrong_fixes:
  - why: It comes too late.
    world: { ui: { guard: disable-after-1s } }
  - why: It is another flow.
    steps:
      - open: { in: a, flow: registration }
";

/// No file, however hostile, may keep a person waiting longer.
const LIMIT: Duration = Duration::from_secs(1);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A folder with case files, and the fixtures' claims and profiles.
struct Desk {
    folder: TempDir,
    catalogue: Catalogue,
}

impl Desk {
    fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, catalogue: Catalogue::read(&fixtures())? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, content).with_context(|| format!("failed to write `{name}`"))?;
        Ok(path)
    }

    fn read(&self, path: &Path) -> Result<Result<Case, CaseError>> {
        let began = Instant::now();
        let read = self.catalogue.read_file(path);
        ensure!(began.elapsed() < LIMIT, "to read `{}` took {:?}", path.display(), began.elapsed());
        Ok(read)
    }

    /// What is said about a file that is refused.
    fn refusal(&self, name: &str, content: impl AsRef<[u8]>) -> Result<String> {
        self.refusal_of(&self.write(name, content)?)
    }

    fn refusal_of(&self, path: &Path) -> Result<String> {
        let error = self.read(path)?.err().with_context(|| format!("`{}` was accepted", path.display()))?;
        Ok(error.to_string().replace(&self.folder.path().display().to_string(), "[DIR]"))
    }

    /// What is said about copies of [`GOOD`], each with one part replaced: one line per copy.
    fn refusals(&self, changes: &[(&str, &str)]) -> Result<String> {
        let mut lines = Vec::new();
        for (part, other) in changes {
            ensure!(GOOD.matches(part).count() == 1, "`{part}` is not once in the good case");
            let refusal = self.refusal("case.yaml", GOOD.replace(part, other));
            lines.push(refusal.with_context(|| format!("with `{other}`"))?);
        }
        Ok(lines.join("\n"))
    }
}

#[test]
fn the_good_case_is_read() -> Result<()> {
    let desk = Desk::new()?;
    let case = desk.read(&desk.write("case.yaml", GOOD)?)??;

    assert_eq!(case.id, "case");
    assert_eq!(case.claim.map(|(claim, _)| claim.id).as_deref(), Some("code-flows.disable"));
    Ok(())
}
