//! Waiting for what happens elsewhere: never longer than a deadline, and never for what has no name.

mod deadline;
mod until;

pub use deadline::{Deadline, crowding, furthest, within};
pub use until::wait_until;
