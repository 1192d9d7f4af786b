//! All SQL of Lazuli: one file per noun over Postgres.

mod commit;
mod connect;
pub mod controller;
mod convert;
mod error;
mod event;
pub mod heads;
mod load;
pub mod logs;
pub mod retention;
mod rows;
pub mod seal;
pub use error::{Class, StoreError};
pub use event::Actor;
