//! What a trial runs in: one file per inhabitant, and the world that starts and closes them together.

pub mod kratos;
pub mod mail;
pub mod ui;
