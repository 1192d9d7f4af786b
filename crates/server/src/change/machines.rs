//! Adding machines.

use std::collections::BTreeSet;
use std::net::IpAddr;

use lazuli_api::{AddMachines, ManualHost};
use lazuli_model::address::unusable;
use lazuli_model::base::Base;
use lazuli_model::placement::{Placement, SshTarget};
use lazuli_model::state::MachineSource;

use super::place::Wanted;
use super::{Draft, Refusal, base, deploy, model, spaces};

/// Machines that one request may add.
const MOST: u32 = 1000;
/// The one kind of host key that is spoken with.
const ED25519: &str = "ssh-ed25519 ";
/// Host keys that one host may have.
const MOST_KEYS: usize = 16;

/// Adds machines without units: of the cloud, or one that exists.
pub(crate) fn add_machines(draft: &mut Draft<'_>, request: &AddMachines) -> Result<(), Refusal> {
    draft.check_alive()?;
    let wanted_base = match request.base.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => text.parse::<Base>()?,
        None => base::default_base(draft.state)?.unwrap_or_default(),
    };
    base::check_supported(&wanted_base)?;
    let constraints = deploy::new_constraints(draft, request.constraints.as_deref())?;
    let constraints = constraints.over(&draft.state.model().constraints);
    let constraints = constraints.without_cleared();
    let bound = BTreeSet::new();
    let spaces = spaces::of_machine(draft.state.model(), bound, &constraints)?;
    let wanted = Wanted {
        base: &wanted_base,
        constraints: &constraints,
        spaces: &spaces,
    };
    if let Some(host) = &request.manual {
        if request.count != 1 || request.placement.is_some() {
            return Err(Refusal::invalid(
                "a machine of your own is added alone: leave -n and the placement out",
            ));
        }
        draft.add_machine(manual(draft, host)?, &wanted, false)?;
        draft.notice(format!(
            "The machine is used as soon as it can be logged in to as {user}: put this line into \
             {user}'s ~/.ssh/authorized_keys on {host}, unless it is there:\n{key}",
            user = host.user,
            host = host.host,
            key = draft.state.model().ssh_key,
        ));
        return Ok(());
    }
    if request.count == 0 || request.count > MOST {
        return Err(Refusal::invalid(format!(
            "invalid number of machines: from 1 to {MOST} at once"
        ))
        .at("/count"));
    }
    let zone = match request.placement.as_deref().map(str::parse).transpose()? {
        None | Some(Placement::New) => None,
        Some(Placement::Zone(zone)) => Some(zone),
        Some(Placement::Machine(name)) => {
            return Err(Refusal::invalid(format!(
                "machine {name} is a machine already: leave the placement out, or use zone=NAME"
            )));
        }
        Some(Placement::Ssh(_)) => {
            return Err(Refusal::invalid(
                "a host of your own needs its host keys: give them with it",
            ));
        }
    };
    for _ in 0..request.count {
        draft.new_machine(zone.clone(), &wanted, false)?;
    }
    Ok(())
}

fn manual(draft: &Draft<'_>, host: &ManualHost) -> Result<MachineSource, Refusal> {
    // The grammar of ssh:user@host holds for the parts as well.
    let target: SshTarget = format!("{}@{}", host.user, host.host).parse()?;
    let address: IpAddr = target.host.parse().map_err(|_| {
        Refusal::invalid(format!(
            "{:?} is no address: give the host's IP address",
            target.host
        ))
        .at("/manual/host")
    })?;
    if let Some(why) = unusable(address) {
        return Err(Refusal::invalid(format!(
            "no machine can be enlisted at {address}: {why}; give the address that the controller \
             reaches the host by"
        ))
        .at("/manual/host"));
    }
    if host.host_keys.is_empty() || host.host_keys.len() > MOST_KEYS {
        return Err(Refusal::invalid(format!(
            "the host's SSH host keys are needed, from 1 to {MOST_KEYS}: an unknown host is never \
             trusted"
        ))
        .at("/manual/host_keys"));
    }
    for key in &host.host_keys {
        model::check_authorized_key(key).map_err(|refusal| refusal.at("/manual/host_keys"))?;
    }
    if !host.host_keys.iter().any(|key| key.starts_with(ED25519)) {
        return Err(Refusal::invalid(
            "an ed25519 host key is needed: ssh-keyscan -t ed25519 HOST shows it, and on the host \
             it is in /etc/ssh/ssh_host_ed25519_key.pub",
        )
        .at("/manual/host_keys"));
    }
    let taken = draft.state.machines().any(|row| {
        matches!(&row.source, MachineSource::Manual { host: there, port, .. }
            if *there == address && *port == host.port)
    });
    if taken {
        return Err(Refusal::exists(format!(
            "machine {address} is already enlisted"
        )));
    }
    Ok(MachineSource::Manual {
        user: host.user.clone(),
        host: address,
        port: host.port,
        host_keys: host.host_keys.clone(),
    })
}
