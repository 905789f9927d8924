//! Something that the environment lacks, with its cure.

/// The environment lacks something; the command line ends with exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{what} (hint: {cure})")]
pub struct Missing {
    what: String,
    cure: String,
}

impl Missing {
    /// What is lacking, and the command or step that cures it.
    pub fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { what: what.into(), cure: cure.into() }
    }
}
