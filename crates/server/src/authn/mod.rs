//! Who asks: passwords, tokens, and pacing for those who guess.

mod bootstrap;
mod pace;
mod password;
mod recent;
mod token;

pub use bootstrap::{SetUpError, ensure_user};
pub(crate) use pace::{Pace, Peer};
pub use password::PasswordCost;
pub(crate) use password::Passwords;
pub(crate) use recent::Recent;
pub(crate) use token::{bearer, fresh, hash};
