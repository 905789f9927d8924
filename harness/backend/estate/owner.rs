//! Who something belongs to: one process, of all that this machine has had.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::str::FromStr;

use nix::unistd::{Pid, Uid};

use crate::backend::stat::Stat;

/// The variable that every program we start has, and all that it starts: its value is the owner.
pub(in crate::backend) const MARK: &str = "KRATOS_REPRO_OWNER";

/// A process that owns other processes, folders and containers. As text it marks what is its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The start of the machine, by the kernel's random name for it.
    boot: String,
    /// The namespace that its id is of: the same id means somebody else in a container.
    namespace: u64,
    user: u32,
    process: i32,
    /// In ticks of the clock since the machine started.
    started: u64,
}

impl Owner {
    /// This process.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn this() -> io::Result<Self> {
        let stat = Stat::of(Pid::this()).ok_or_else(|| io::Error::other("`/proc` does not show this process"))?;
        Ok(Self {
            boot: boot()?,
            namespace: namespace()?,
            user: Uid::effective().as_raw(),
            process: stat.id.as_raw(),
            started: stat.started,
        })
    }

    /// Whether it is another process of this user, and has surely ended: its id is nobody's now, or somebody else's. One in
    /// another namespace of ids, or of another start of a machine, cannot be looked at, and may well live.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let (Ok(boot), Ok(namespace)) = (boot(), namespace()) else { return false };
        if self.user != Uid::effective().as_raw() || self.boot != boot || self.namespace != namespace {
            return false;
        }
        Stat::of(Pid::from_raw(self.process)).is_none_or(|it| it.dead || it.started != self.started)
    }

    /// Whether it is a process of this user and of another start of a machine. As a rule that was an earlier one of this
    /// machine, and it has ended; but a disk or an engine may be shared with another machine, and a container may have a
    /// name of its own for its start. So whether it lives is to be seen by what it holds.
    #[must_use]
    pub fn is_of_another_start(&self) -> bool {
        self.user == Uid::effective().as_raw() && boot().is_ok_and(|boot| self.boot != boot)
    }

    /// Whether it is a process of this user that cannot be looked at: of another start of a machine, or of another namespace
    /// of ids, as of a container that shares the folder for temporary files.
    #[must_use]
    pub(super) fn cannot_be_looked_at(&self) -> bool {
        let elsewhere = namespace().is_ok_and(|namespace| self.namespace != namespace);
        self.is_of_another_start() || (self.user == Uid::effective().as_raw() && elsewhere)
    }

    /// Its process id.
    #[must_use]
    pub fn process(&self) -> i32 {
        self.process
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boot, namespace, user, process, started } = self;
        write!(f, "{boot}.{namespace}.{user}.{process}.{started}")
    }
}

impl FromStr for Owner {
    type Err = NoOwner;

    fn from_str(text: &str) -> Result<Self, NoOwner> {
        let [boot, namespace, user, process, started] = text.split('.').collect::<Vec<_>>()[..] else {
            return Err(NoOwner);
        };
        if boot.is_empty() {
            return Err(NoOwner);
        }
        Ok(Self {
            boot: boot.to_owned(),
            namespace: namespace.parse().map_err(|_| NoOwner)?,
            user: user.parse().map_err(|_| NoOwner)?,
            process: process.parse().map_err(|_| NoOwner)?,
            started: started.parse().map_err(|_| NoOwner)?,
        })
    }
}

/// The text says of nobody that it is the owner.
#[derive(Debug, thiserror::Error)]
#[error("this is no owner")]
pub struct NoOwner;

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn namespace() -> io::Result<u64> {
    Ok(fs::metadata("/proc/self/ns/pid")?.ino())
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;

    #[test]
    fn an_owner_is_read_as_it_was_written() -> Result<()> {
        let this = Owner::this()?;

        assert_eq!(this.to_string().parse::<Owner>()?, this);
        assert!(!this.is_gone(), "it lives");
        Ok(())
    }

    #[test]
    fn nothing_but_an_owner_is_read_as_one() {
        for text in ["", "stranger", "1.2.3.4", ".1.2.3.4", "boot.1.2.3.4.5", "boot.1.2.three.4"] {
            assert!(text.parse::<Owner>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_owner_of_another_start_of_a_machine_is_told_from_one_that_is_gone() -> Result<()> {
        let this = Owner::this()?;
        let owner = Owner { boot: "another".to_owned(), process: i32::MAX, ..this.clone() };
        let of_another_user = Owner { user: this.user + 1, ..owner.clone() };

        assert!(owner.is_of_another_start() && !owner.is_gone(), "it may live on another machine");
        assert!(!of_another_user.is_of_another_start(), "somebody else's");
        assert!(!this.is_of_another_start(), "of this one");
        Ok(())
    }

    #[test]
    fn an_owner_whose_id_is_somebody_elses_now_is_gone() -> Result<()> {
        let this = Owner::this()?;
        let owner = Owner { started: this.started + 1, ..this };

        assert!(owner.is_gone());
        Ok(())
    }

    #[test]
    fn an_owner_that_nobody_has_taken_note_of_is_gone() -> Result<()> {
        let mut child = std::process::Command::new("true").spawn()?;
        let id = i32::try_from(child.id())?;
        let owner = loop {
            let stat = Stat::of(Pid::from_raw(id)).expect("nobody has waited for it");
            if stat.dead {
                break Owner { process: id, started: stat.started, ..Owner::this()? };
            }
            std::thread::yield_now();
        };

        assert!(owner.is_gone(), "{owner}");
        child.wait()?;
        assert!(owner.is_gone(), "{owner}");
        Ok(())
    }

    #[test]
    fn of_an_owner_that_cannot_be_looked_at_nothing_is_said() -> Result<()> {
        let this = Owner::this()?;
        let elsewhere = Owner { namespace: this.namespace + 1, process: i32::MAX, ..this.clone() };
        let of_another_user = Owner { user: this.user + 1, process: i32::MAX, ..this };

        assert!(!elsewhere.is_gone(), "an id of a container's");
        assert!(!of_another_user.is_gone(), "somebody else's");
        Ok(())
    }
}
