//! Reports of a run for people and for CI: text for a terminal, one HTML page that works offline, and JUnit XML.
//! All are made from a [`RunOutcome`](crate::trial::RunOutcome) alone, which arrives with its secrets replaced.

mod crossing;
mod file;
mod finding;
pub mod github;
pub mod history;
mod html;
mod junit;
mod link;
mod merge;
mod order;
mod over_time;
mod picture;
mod platform;
#[cfg(test)]
mod sample;
pub mod terminal;
mod view;
mod words;

pub use file::{read, write, write_pages, write_with};
pub use finding::Places;
pub use html::html;
pub use junit::junit;
pub use merge::{Found, Gaps, SHARD, alone, bring_evidence, merge, planning};
pub use order::put_in_order;
pub use platform::Differing;
