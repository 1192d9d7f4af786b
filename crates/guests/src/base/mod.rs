//! The root file system that all guests share, and its cache.

mod build;
mod recipe;

pub use build::{Base, cache_folder};
