//! Desired state: the API's transactions.
//!
//! Each begins by raising the head of its model, which locks it: what is read
//! afterwards cannot change before the commit, so read, check and write are
//! safe. Nothing but SQL happens inside.

mod addresses;
mod create;
mod dying;
mod edit;

pub use addresses::AddressPool;
pub use create::{NewModel, create_model};
pub use dying::{destroy_model, remove_application, remove_machine, remove_relation, remove_unit};
pub use edit::{Edit, NewCharm};
