//! The HTTP side: listeners, authentication, token buckets, headers.

pub(crate) mod buckets;
mod exchange;
pub(crate) mod server;
pub(crate) mod tokens;

pub(crate) use exchange::{Front, Request};
