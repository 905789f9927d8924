//! The interface and the legacy system as programs of their own, and other interfaces in the place of ours.

mod foreign;
mod programs;
