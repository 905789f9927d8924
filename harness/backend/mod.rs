//! How a server is started, and what the machine must have for it: processes in groups of their own, free ports,
//! readiness; servers in containers; the servers built from source, the cache they lie in, and what is missing.

mod addresses;
pub mod applications;
pub mod cache;
mod child;
mod claim;
mod clock;
pub mod database;
#[cfg(feature = "docker")]
pub mod docker;
pub mod doctor;
pub mod estate;
#[cfg(test)]
mod fake_program;
mod follow;
pub mod geckodriver;
mod go;
mod ground;
pub mod hydra_binary;
mod hydra_keys;
pub mod kratos_binary;
mod launch;
mod listening;
pub mod missing;
pub mod network;
pub mod nginx;
mod port;
pub mod postgres;
mod process;
pub mod product;
pub mod progress;
pub(crate) mod readiness;
pub mod servers;
mod service;
pub mod setup;
mod stat;
mod template;
pub mod version;

pub use addresses::AddressWatch;
pub(crate) use claim::Claim;
pub use clock::ClockWatch;
pub use database::{Database, DatabaseKind, OwnDatabase};
pub use ground::{Backend, Ground, Program, Seat, Serving, copy_files};
pub use launch::{Ending, Launch, Output};
pub use missing::Missing;
pub use port::free_port;
pub use process::Process;
pub use service::{Exit, Service};
pub(crate) use template::identify;
