//! All SQL of Lazuli: one file per noun over Postgres.
//!
//! [`Store`] is what servers and controllers share. Nouns have a module each,
//! with free functions on its pool.

pub mod access;
pub mod blobs;
mod commit;
mod connect;
pub mod controller;
mod convert;
pub mod desired;
mod error;
mod event;
mod feed;
pub mod file;
pub mod heads;
pub mod history;
pub mod idempotency;
mod limit;
mod load;
pub mod logs;
pub mod operations;
pub mod private;
pub mod retention;
mod rows;
pub mod seal;
pub mod secrets;
mod store;
pub mod tokens;
mod transaction;
pub mod uploads;
pub mod users;

pub use commit::{Batch, Committed};
pub use connect::{Options, check_schema, connect, migrate};
pub use error::{Class, StoreError};
pub use event::{Actor, read as events};
pub use feed::{Feed, Moved, News};
pub use load::{Loaded, Refreshed, changed_since, load, refresh, rows};
pub use rows::effect::body as effect_body;
pub use store::Store;
