//! The store against a real, private Postgres.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

mod any;
mod commit;
mod common;
mod crash;
mod edit;
mod events;
mod feed;
mod mute;
mod nouns;
mod operations;
mod postgres;
mod retention;
mod rows;
mod schema;
mod secrets;
mod transactions;
