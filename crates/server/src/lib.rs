//! The REST API over the store: routes, authentication, authorisation,
//! problems, streams and the OpenAPI description.
//!
//! Handlers are flat: authenticate, authorise, parse, load, one transaction,
//! answer. Nothing here calls a cloud or a machine; the tunnel to a machine's
//! SSH port goes through a [`Dialer`], and a look at what the cloud holds
//! through an [`Inventory`], that the daemon hands in.

mod app;
mod authn;
mod authz;
mod cache;
mod change;
mod contents;
mod error;
mod extract;
mod middleware;
mod mutate;
mod outside;
mod places;
mod routes;
mod serve;

pub use app::{App, Settings};
pub use authn::{PasswordCost, SetUpError, ensure_user};
pub use outside::{ByteStream, Dialer, Inventory, KeyPair, Keys, SSH_IDENTITY};
pub use routes::{openapi, router};
pub use serve::{Listening, serve};
