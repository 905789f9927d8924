//! The processes of an owner. A stranger that looks at our files, or has the name of one of our programs, is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix::unistd::Pid;

use super::owner::{MARK, Owner};
use crate::backend::stat::Stat;

/// A process of an owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Marked {
    pub(super) id: Pid,
    pub(super) owner: Owner,
}

impl Marked {
    /// What it was called with, as far as it fits a line.
    pub(super) fn line(&self) -> String {
        let line = fs::read(format!("/proc/{}/cmdline", self.id)).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.trim().chars().take(120).collect()
    }

    /// Whether it is at a leash, by how `Launch` calls its shell.
    pub(super) fn is_leash(&self) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.id)).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(3) == Some(b"leash")
    }
}

/// Every living process that has an owner: it has the mark in its environment, or is in a process group with one that
/// has, or descends from one. Chromium and Postgres write the names of their processes over the memory of the environment,
/// and nobody but a child of ours is ever in a group of ours.
pub(super) fn all() -> BTreeSet<Marked> {
    let processes: Vec<Stat> = Stat::all().into_iter().filter(|it| !it.dead).collect();
    let mut owners: BTreeMap<Pid, Owner> = processes.iter().filter_map(|it| Some((it.id, owner_of(it.id)?))).collect();
    loop {
        let mut groups: BTreeMap<Pid, Owner> = BTreeMap::new();
        for process in &processes {
            if let Some(owner) = owners.get(&process.id) {
                groups.insert(process.group, owner.clone());
            }
        }
        let known = owners.len();
        for process in processes.iter().filter(|it| it.id != Pid::this()) {
            let owner = groups.get(&process.group).or_else(|| owners.get(&process.parent)).cloned();
            if let Some(owner) = owner {
                owners.entry(process.id).or_insert(owner);
            }
        }
        if owners.len() == known {
            return owners.into_iter().map(|(id, owner)| Marked { id, owner }).collect();
        }
    }
}

/// Whether a process has the mark of this one, or may have had it: Chromium writes the name of a process over the memory of
/// its environment, and then there is no variable in it, but words of a command line.
pub(in crate::backend) fn may_be_ours(id: Pid) -> bool {
    let Some(environment) = environment(id) else { return false };
    let is_name = |name: &[u8]| !name.is_empty() && name.iter().all(|it| it.is_ascii_alphanumeric() || *it == b'_');
    let is_variable = |word: &[u8]| word.iter().position(|it| *it == b'=').is_some_and(|end| is_name(&word[..end]));
    match owner_in(&environment) {
        Some(owner) => Owner::this().is_ok_and(|this| this == owner),
        None => !environment.split(|byte| *byte == 0).any(is_variable),
    }
}

fn owner_of(id: Pid) -> Option<Owner> {
    owner_in(&environment(id)?)
}

fn environment(id: Pid) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{id}/environ")).ok()
}

fn owner_in(environment: &[u8]) -> Option<Owner> {
    let mut values = environment.split(|byte| *byte == 0).filter_map(|variable| {
        let value = variable.strip_prefix(MARK.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok()
    });
    values.next()?.parse().ok()
}
