//! What the simulated cloud offers: regions, sizes with prices, images.

mod images;
mod regions;
mod sizes;

pub(crate) use images::{Image, image, skus_of};
pub(crate) use regions::{REGIONS, Region, region};
pub(crate) use sizes::{Arch, SIZES, Size, size};
