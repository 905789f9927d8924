//! What the environment lacks: an error that always comes with its cure.

/// Something that the machine has to provide and does not.
///
/// The command line answers it with exit code 3, wherever in the chain of an
/// [`anyhow::Error`] it sits: `error.downcast_ref::<Missing>()` finds it, also as a context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (hint: {cure})")]
pub struct Missing {
    what: String,
    cure: String,
}

impl Missing {
    /// Says `what` is lacking, as a lowercase fragment, and what a person does about it.
    #[must_use]
    pub fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { what: what.into(), cure: cure.into() }
    }

    /// What a person does about it: a command, or a setting to change.
    #[must_use]
    pub fn cure(&self) -> &str {
        &self.cure
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::Missing;

    #[test]
    fn it_is_found_anywhere_in_a_chain_of_contexts() {
        let as_cause =
            anyhow::Error::new(Missing::new("no `go`", "install Go")).context("cannot build").context("cannot set up");
        let as_context = Err::<(), _>(std::io::Error::other("cause"))
            .context(Missing::new("no `go`", "install Go"))
            .context("cannot set up")
            .map_err(|error| error.downcast_ref::<Missing>().cloned());

        assert_eq!(as_cause.downcast_ref::<Missing>().map(Missing::cure), Some("install Go"));
        assert_eq!(as_context, Err(Some(Missing::new("no `go`", "install Go"))));
    }
}
