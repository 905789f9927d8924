//! How a server is started, and what the machine must have for it.

pub mod cache;
mod child;
mod claim;
pub mod doctor;
#[cfg(test)]
mod fake_program;
mod go;
pub mod kratos_binary;
pub mod missing;
pub mod progress;
pub mod servers;
pub mod setup;
mod template;
pub mod version;
