//! What a case is: the file format, its merge rules, the claims. No I/O beyond reading files.

mod merge;

pub use merge::merge;
