//! `lazuli-guests`: real Linux hosts on this machine, for people and scripts.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lazuli_guests::{
    Admin, Base, Egress, Error, Fabric, FabricOptions, Flavour, GuestInfo, GuestSpec, Net,
    NetworkPolicy, PackageOptions, Power, Result, VnetSpec, cache_folder, leftovers,
};

const USAGE: &str = "\
usage: lazuli-guests [--dir DIR] COMMAND

  base                    build the shared root file system now
  up N [--full] [--key FILE]
                          start N guests g-1 .. g-N in the network `dev`, with
                          user ubuntu and the public key in FILE
  list                    show the guests
  exec NAME -- CMD ...    run a command inside a guest, as root
  exec-in NETNS -- CMD ...
                          run a command in `fabric`, `internet` or `vnet-NAME`
  packages [NAME ...]     serve packages to the guests until interrupted: all
                          that this machine knows, or these and their needs
  resume                  start the guests that should be on
  down                    end everything and remove it
  leftovers               show what is left of a fabric

DIR is $LAZULI_GUESTS, else /var/lib/lazuli/guests.
";

/// The network of `up`.
const DEV: &str = "dev";
const DEV_RANGE: &str = "10.64.0.0/18";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut dir = std::env::var_os("LAZULI_GUESTS")
        .map_or_else(|| PathBuf::from("/var/lib/lazuli/guests"), PathBuf::from);
    if arguments.len() > 1 && arguments[0] == "--dir" {
        dir = PathBuf::from(arguments.remove(1));
        arguments.remove(0);
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["base"] => base(),
        ["up", count, options @ ..] => up(&dir, count, options),
        ["list"] => list(&dir),
        ["exec", name, "--", program, rest @ ..] => exec(&dir, name, program, rest),
        ["exec-in", namespace, "--", program, rest @ ..] => exec_in(&dir, namespace, program, rest),
        ["packages", only @ ..] => packages(&dir, only),
        ["resume"] => resume(&dir),
        ["down"] => down(&dir),
        ["leftovers"] => print(&leftovers(&dir)),
        _ => {
            drop(io::stderr().write_all(USAGE.as_bytes()));
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "error: {}", chain(&error)));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

fn print(lines: &[String]) -> Result<()> {
    let mut output = io::stdout().lock();
    for line in lines {
        writeln!(output, "{line}").map_err(|source| Error::Io {
            what: "write to stdout".to_owned(),
            source,
        })?;
    }
    Ok(())
}

fn base() -> Result<()> {
    let base = Base::ensure(&cache_folder())?;
    print(&[base.root.display().to_string()])
}

fn open(dir: &Path) -> Result<Fabric> {
    Fabric::open(dir, &FabricOptions::default())
}

fn up(dir: &Path, count: &str, options: &[&str]) -> Result<()> {
    let count: u16 = count
        .parse()
        .map_err(|_| Error::Invalid(format!("{count:?} is no number of guests")))?;
    let mut flavour = Flavour::Lean;
    let mut keys = Vec::new();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match (*option, options.as_slice().first()) {
            ("--full", _) => flavour = Flavour::Full,
            ("--key", Some(file)) => {
                let text = std::fs::read_to_string(file).map_err(|source| Error::Io {
                    what: format!("read {file}"),
                    source,
                })?;
                keys.extend(text.lines().map(str::to_owned));
                options.next();
            }
            _ => return Err(Error::Invalid(format!("{option} is not understood"))),
        }
    }
    let fabric = open(dir)?;
    let range: Net = DEV_RANGE
        .parse()
        .map_err(|error| Error::Invalid(format!("{error}")))?;
    fabric.ensure_vnet(&VnetSpec {
        name: DEV.to_owned(),
        ranges: vec![range],
        direct: true,
        nat_address: None,
    })?;
    let mut specs = Vec::new();
    for number in 1..=count {
        let name = format!("g-{number}");
        if fabric.guest(&name)?.is_none() {
            specs.push(spec(name, number, range, flavour, &keys));
        }
    }
    for result in fabric.create_many(specs) {
        result?;
    }
    print(&fabric.list()?.iter().map(show).collect::<Vec<_>>())
}

fn spec(name: String, number: u16, range: Net, flavour: Flavour, keys: &[String]) -> GuestSpec {
    let address = range.address.to_bits() + 3 + u32::from(number);
    GuestSpec {
        vnet: DEV.to_owned(),
        address: Net {
            address: address.into(),
            prefix: range.prefix,
        },
        mac: None,
        interfaces: Vec::new(),
        flavour,
        hostname: name.clone(),
        instance_id: name.clone(),
        admin: Some(Admin {
            name: "ubuntu".to_owned(),
            ssh_keys: keys.to_vec(),
        }),
        custom_data: Vec::new(),
        policy: NetworkPolicy {
            egress: Egress::Nat,
            ..NetworkPolicy::default()
        },
        name,
    }
}

fn show(guest: &GuestInfo) -> String {
    let power = match guest.power {
        Power::On => "on",
        Power::Off => "off",
    };
    let public = guest
        .policy
        .public_address
        .map_or_else(|| "-".to_owned(), |address| address.to_string());
    let (name, vnet, address) = (&guest.name, &guest.vnet, guest.address);
    format!("{name:<16} {power:<4} {vnet:<12} {address:<16} {public}")
}

fn list(dir: &Path) -> Result<()> {
    print(&Fabric::peek(dir)?.iter().map(show).collect::<Vec<_>>())
}

fn exec(dir: &Path, name: &str, program: &str, rest: &[&str]) -> Result<()> {
    let mut command = Fabric::command_in(dir, name, program)?;
    replace(command.args(rest))
}

fn exec_in(dir: &Path, namespace: &str, program: &str, rest: &[&str]) -> Result<()> {
    let path = dir.join("ns").join(namespace);
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", path.display()));
    replace(command.arg("--").arg(program).args(rest))
}

/// Becomes the command; returns only if that fails.
fn replace(command: &mut Command) -> Result<()> {
    Err(Error::Io {
        what: "run nsenter".to_owned(),
        source: command.exec(),
    })
}

fn packages(dir: &Path, only: &[&str]) -> Result<()> {
    let source = open(dir)?.serve_packages(&PackageOptions {
        only: only.iter().map(|&name| name.to_owned()).collect(),
        ..PackageOptions::default()
    })?;
    print(&["serving packages; interrupt to end".to_owned()])?;
    source.wait();
    Ok(())
}

fn resume(dir: &Path) -> Result<()> {
    for (name, error) in open(dir)?.resume() {
        drop(writeln!(io::stderr(), "{name}: {}", chain(&error)));
    }
    Ok(())
}

fn down(dir: &Path) -> Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    let left = open(dir)?.destroy()?;
    print(&left)?;
    if left.is_empty() {
        return Ok(());
    }
    Err(Error::Conflict(
        "some of it could not be removed".to_owned(),
    ))
}
