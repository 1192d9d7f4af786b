//! The store against a real, private Postgres.

mod commit;
mod common;
