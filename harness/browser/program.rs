//! The programs of an engine: where each is looked for, and what to do where it is not.

use std::path::PathBuf;

use crate::backend::{Missing, cache};

/// A program that an engine needs.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name, such as `chromedriver`.
    pub name: &'static str,
    /// The variable that names its path.
    pub variable: &'static str,
    /// Where it usually lies, the best place first.
    pub(super) paths: &'static [&'static str],
    /// The entry of the cache in whose `bin` setup puts it.
    pub(super) entry: Option<fn() -> String>,
    /// Its names on the `PATH`, the most common first.
    pub(super) names: &'static [&'static str],
    /// How to get it, besides setup.
    pub(super) package: &'static str,
}

impl Program {
    /// Its path, if it is here: by its variable, else where it usually lies, in the cache, or on the `PATH`.
    pub fn find(&self) -> Option<PathBuf> {
        if let Some(path) = self.named() {
            return Some(path).filter(|path| path.is_file());
        }
        let search: Vec<PathBuf> =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        let usual = self.paths.iter().map(PathBuf::from);
        let cached =
            self.entry.and_then(|entry| cache::entry_at(&entry())).map(|entry| entry.join("bin").join(self.name));
        let named = self.names.iter().flat_map(|name| search.iter().map(move |folder| folder.join(name)));
        usual.chain(cached).chain(named).find(|path| path.is_file())
    }

    /// Whether a person names it, by its variable.
    pub fn is_named(&self) -> bool {
        self.named().is_some()
    }

    /// What to do when it is not here, or does not work.
    pub fn cure(&self) -> String {
        match self.named() {
            Some(_) => format!("correct {}, or unset it and run scripts/setup", self.variable),
            None => format!("run scripts/setup, or {}, or set {} to the program", self.package, self.variable),
        }
    }

    /// That it is not here, and the cure; nothing when it is.
    pub fn lacks(&self) -> Option<Missing> {
        if self.find().is_some() {
            return None;
        }
        let what = match self.named() {
            Some(path) => format!("{} was not found: `{}` is no file", self.name, path.display()),
            None => format!("{} was not found", self.name),
        };
        Some(Missing::new(what, self.cure()))
    }

    fn named(&self) -> Option<PathBuf> {
        std::env::var_os(self.variable).filter(|path| !path.is_empty()).map(PathBuf::from)
    }
}
