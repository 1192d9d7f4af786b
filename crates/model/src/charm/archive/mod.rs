//! Archives of charms: ZIP files with the charm at their root.
//!
//! [`check`] judges an archive before anything of it is unpacked: names, links, kinds, collisions, overlaps, sizes and
//! ratios, and (by reading every entry once) lies about lengths and checksums. [`ZipFiles`] reads a charm from one
//! that passed. [`pack`] makes one, the same bytes for the same files; [`Filter`] says which files of a directory
//! belong into it.
//!
//! ZIP has no hard links; devices, pipes and sockets are refused by their mode. Unicode normalisation is not carried
//! out: names that differ in it are found by leaving out accented letters in both (see [`check`]).

mod bounded;
mod check;
mod filter;
mod pack;
mod paths;
mod reader;

pub use check::{ArchiveError, Index, Limits, check};
pub use filter::Filter;
pub use pack::{PackError, pack};
pub use reader::ZipFiles;

#[cfg(test)]
mod tests;
