//! What the kernel says of a process, by proc(5).

use std::fs;

use nix::unistd::Pid;

/// A process as `/proc/PID/stat` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) id: Pid,
    pub(super) parent: Pid,
    /// Its process group.
    pub(super) group: Pid,
    /// When it started, in ticks of the clock since the machine did: no later process of this id has the same.
    pub(super) started: u64,
    /// It has ended, and its parent has not taken note of that yet. On some machines process 1 takes more than a second.
    pub(super) dead: bool,
    /// A signal keeps it from going on.
    pub(super) stopped: bool,
}

impl Stat {
    /// That of a process; nothing where there is none.
    pub(super) fn of(id: Pid) -> Option<Self> {
        Self::parse(id, &fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// Those of all processes.
    pub(super) fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter_map(|id| Self::of(Pid::from_raw(id))).collect()
    }

    /// Those that a process has started, also those that are dead; nothing of a kernel that does not tell
    /// (`CONFIG_PROC_CHILDREN`).
    pub(super) fn children(parent: Pid) -> Option<Vec<Self>> {
        let threads = fs::read_dir(format!("/proc/{parent}/task")).ok()?.flatten();
        let lists: Vec<_> = threads.filter_map(|it| fs::read_to_string(it.path().join("children")).ok()).collect();
        let ids = lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|id| id.parse().ok());
        let children = ids.filter_map(|id| Self::of(Pid::from_raw(id))).collect();
        (!lists.is_empty()).then_some(children)
    }

    /// The fields follow the name, which is in parentheses and may hold anything: the state is the third of them all, the
    /// parent the fourth, the group the fifth, the time the 22nd.
    fn parse(id: Pid, line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
        let id_at = |place: usize| Some(Pid::from_raw(fields.get(place)?.parse().ok()?));
        Some(Self {
            id,
            parent: id_at(1)?,
            group: id_at(2)?,
            started: fields.get(19)?.parse().ok()?,
            dead: ["Z", "X"].contains(fields.first()?),
            stopped: *fields.first()? == "T",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_what_separates_the_fields() {
        let line = "7 (a) Z 9 (b)) S 3 5 5 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 1 1";

        let stat = Stat::parse(Pid::from_raw(7), line).expect("it is a line of the kernel's");

        assert_eq!((stat.parent, stat.group), (Pid::from_raw(3), Pid::from_raw(5)));
        assert_eq!((stat.started, stat.dead), (4711, false));
    }

    #[test]
    fn what_a_process_has_started_are_its_children() {
        let mut child = std::process::Command::new("/bin/sleep").arg("600").spawn().expect("sleep starts");
        let id = Pid::from_raw(i32::try_from(child.id()).expect("it is an id"));

        let meanwhile = Stat::children(Pid::this());
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let after = Stat::children(Pid::this()).expect("this kernel tells");

        let meanwhile = meanwhile.expect("this kernel tells");
        assert!(meanwhile.iter().any(|it| it.id == id), "{meanwhile:?}");
        assert!(!after.iter().any(|it| it.id == id), "{after:?}");
    }

    #[test]
    fn this_process_lives() {
        let stat = Stat::of(Pid::this()).expect("it is there");

        assert!(!stat.dead);
        assert!(Stat::all().contains(&stat));
    }
}
