//! What handlers take from requests, with problems for what is wrong.

mod edit;
mod request;
mod who;

pub(crate) use edit::{Edit, Shown};
pub(crate) use request::{Body, Conditions, Query, known_revision};
pub(crate) use who::{
    Admin, Caller, InModel, ModelMaker, Named, PasswordOwner, Read, Standing, UserManager, Write,
};
