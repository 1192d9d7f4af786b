//! The typed client: one method per route.

mod access;
mod application;
mod charm;
mod error;
mod http;
mod machine;
mod model;
mod observe;
mod operation;
mod relation;
mod resource;
mod secret;
mod session;
mod source;
mod space;
mod sse;
mod storage;
mod tls;
mod tunnel;
mod unit;

pub use error::ClientError;
pub use http::{Client, Options};
pub use model::{ModelClient, StatusAnswer};
pub use operation::Followed;
pub use sse::{SseMessage, SseStream};
pub use tls::TrustAnchor;
pub use tunnel::Tunnel;
