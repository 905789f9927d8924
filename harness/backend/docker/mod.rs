//! Servers in containers, by the crate testcontainers: the engine, images, a network for each world, a container for
//! each server.
//!
//! Nothing is pulled, ports are published on 127.0.0.1 only, and readiness is ours: testcontainers' own does not see a
//! container that has ended. All that a run makes in the engine has the run's label, and is swept by it at the end.

mod beside;
mod container;
mod engine;
mod image;
mod layer;
mod local;
mod local_postgres;
mod owned;
mod pod;
mod postgres;
mod server;
mod task;

pub use beside::Beside;
pub(in crate::backend) use container::Container;
pub use engine::Engine;
pub use image::{Image, ImageChoice};
pub use local::{make_image, make_own_image};
pub use local_postgres::make_postgres_image;
pub use pod::Pod;
pub(in crate::backend) use pod::seat;
pub use postgres::ContainedPostgres;
pub use server::{hydra, kratos};
