//! ARM as functions over the state: one file per resource type, no I/O.

mod body;
mod common;
mod data_disks;
mod directory;
mod disks;
mod groups;
mod lists;
mod nat_gateways;
mod nics;
mod nsgs;
mod operations;
mod public_ips;
mod removal;
mod route;
mod skus;
mod usages;
mod vm_actions;
mod vm_create;
mod vm_network;
mod vm_view;
mod vms;
mod vnets;

pub(crate) use common::{Answer, World};
pub(crate) use data_disks::{host_disks, host_name, release};
pub(crate) use directory::{metadata, openid};
pub(crate) use lists::render;
pub(crate) use operations::{internal, result_url, status_url};
pub(crate) use removal::{removable, remove};
pub(crate) use route::{Call, handle};
pub(crate) use skus::prices;
pub(crate) use vm_view::timestamp;
pub(crate) use vms::Conditions;
