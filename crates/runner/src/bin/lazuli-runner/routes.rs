//! Routes of a machine with several network interfaces.
//!
//! The first one has the only default route, and Azure drops what is sent over
//! one interface from the address of another ("multiple network interface
//! cards" of its manual). So each gets a table of its own, for what is sent
//! from its address: units answer at the addresses of all spaces. The first
//! one too, since the way to its peers in another's subnet is the other's.
//!
//! Only where the controller says that the cloud made several interfaces: the
//! routes of a machine that was enlisted are its owner's.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;

use lazuli_runner::frames::Network;
use serde::Deserialize;

use crate::error::Error;
use crate::files;
use crate::paths::Paths;

/// What the controller calls the first interface.
const FIRST: &str = "eth0";

/// Tables are numbered from here; those below 256 are the system's.
const TABLES: u32 = 1000;

/// What `ip -j addr show` says.
#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Address {
    #[serde(default)]
    local: Option<Ipv4Addr>,
    #[serde(default)]
    prefixlen: u8,
}

/// Makes the routes of a machine that was seen to need them, once it runs
/// again.
///
/// # Errors
/// The first that could not be made.
pub(crate) fn restore(paths: &Paths) -> Result<(), Error> {
    match paths.is_system() && paths.routes().exists() {
        true => make(),
        false => Ok(()),
    }
}

/// Makes them when a unit is told of an address beside the first interface's.
///
/// # Errors
/// The first that could not be made; it is tried again with the next hook.
pub(crate) fn ensure(paths: &Paths, network: &Network) -> Result<(), Error> {
    let bindings = network.bindings.values();
    let mut interfaces = bindings.flat_map(|binding| &binding.interfaces);
    let needed = interfaces.any(|one| one.name != FIRST);
    if !needed || !paths.is_system() || paths.routes().exists() {
        return Ok(());
    }
    make()?;
    files::write_whole(&paths.routes(), b"", false)
}

/// Makes them; those that are there stay.
fn make() -> Result<(), Error> {
    let names = fs::read_dir("/sys/class/net").into_iter().flatten();
    let numbers = names
        .flatten()
        .filter_map(|entry| number(entry.file_name().to_str()?));
    let numbers: Vec<u32> = numbers.collect();
    if numbers.len() < 2 {
        return Ok(());
    }
    for number in numbers {
        let device = format!("eth{number}");
        let table = (TABLES + number).to_string();
        let shown = ip(&[
            "-4", "-j", "addr", "show", "dev", &device, "scope", "global",
        ])?;
        let shown: Vec<Shown> = serde_json::from_str(&shown).unwrap_or_default();
        for address in shown.into_iter().flat_map(|shown| shown.addr_info) {
            let Some(local) = address.local else { continue };
            let via = gateway(local, address.prefixlen).to_string();
            let route = ["default", "via", &via, "dev", &device, "table", &table];
            ip(&[&["-4", "route", "replace"], route.as_slice()].concat())?;
            let local = local.to_string();
            let rule = ["from", &local, "lookup", &table];
            let there = ip(&[&["-4", "rule", "show"], rule.as_slice()].concat())?;
            if there.trim().is_empty() {
                ip(&[&["-4", "rule", "add"], rule.as_slice()].concat())?;
            }
        }
    }
    Ok(())
}

/// The number of `eth0` and so on.
fn number(device: &str) -> Option<u32> {
    let number: u32 = device.strip_prefix("eth")?.parse().ok()?;
    (number < 256).then_some(number)
}

/// The first address of a subnet, which is Azure's gateway.
fn gateway(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let host = u32::MAX.checked_shr(prefix.into()).unwrap_or_default();
    Ipv4Addr::from_bits((address.to_bits() & !host) + 1)
}

fn ip(words: &[&str]) -> Result<String, Error> {
    let output = Command::new("ip")
        .args(words)
        .output()
        .map_err(Error::system("run ip"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Refused(format!(
        "ip {} failed: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_clouds_interfaces_are_meant() {
        assert_eq!(number("eth0"), Some(0));
        assert_eq!(number("eth1"), Some(1));
        for other in ["eth999", "lo", "docker0", "ethernet", "eth1.5", "eth"] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn the_gateway_is_the_first_address() {
        let gateway = |address: &str, prefix| gateway(address.parse().unwrap(), prefix).to_string();
        assert_eq!(gateway("10.64.32.4", 24), "10.64.32.1");
        assert_eq!(gateway("10.64.40.77", 19), "10.64.32.1");
    }
}
