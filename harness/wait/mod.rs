//! Waiting for what happens elsewhere: never longer than a deadline, and never for what has no name.

mod until;

pub use until::wait_until;
