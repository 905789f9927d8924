//! How a server or driver is started on this machine: processes in groups of their own, free ports, readiness.

mod missing;
mod port;
mod process;
mod wait;

pub use missing::Missing;
pub use port::free_port;
pub use process::{Launch, Output, Process};
pub use wait::wait_until;
