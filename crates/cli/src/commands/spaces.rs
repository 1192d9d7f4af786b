//! `spaces`, `show-space`, `subnets`, and what changes them.

use std::collections::BTreeMap;

use lazuli_api::{AddSpace, ChangeSpace, SpaceInfo, SubnetInfo};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::output::{ListArgs, ShowArgs};
use crate::render::table::Table;
use crate::session::Session;

/// Several spaces, as Juju writes them.
#[derive(Debug, Serialize)]
struct Spaces {
    spaces: Vec<Space>,
}

#[derive(Debug, Serialize)]
struct Space {
    id: String,
    name: String,
    subnets: BTreeMap<String, Subnet>,
}

#[derive(Debug, Serialize)]
struct Subnets {
    subnets: BTreeMap<String, Subnet>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Subnet {
    #[serde(rename = "type")]
    kind: &'static str,
    provider_id: String,
    provider_network_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    space: String,
    zones: Vec<String>,
}

/// One space, as `show-space` writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    space: ShownSpace,
    applications: Vec<String>,
    machine_count: u32,
}

#[derive(Debug, Serialize)]
struct ShownSpace {
    id: String,
    name: String,
    subnets: Vec<ShownSubnet>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ShownSubnet {
    cidr: String,
    provider_id: String,
    provider_network_id: String,
    vlan_tag: u32,
    zones: Vec<String>,
}

fn subnet(info: &SubnetInfo, space: &str) -> (String, Subnet) {
    let subnet = Subnet {
        kind: "ipv4",
        provider_id: info.provider_id.clone(),
        provider_network_id: info.provider_network_id.clone(),
        status: if info.made { "in-use" } else { "planned" },
        space: space.to_owned(),
        // A subnet of Azure is in all zones of its region.
        zones: Vec::new(),
    };
    (info.cidr.clone(), subnet)
}

/// List the spaces of the model, with their subnets
#[derive(Debug, clap::Args)]
pub(crate) struct SpacesArgs {
    /// Only the names
    #[arg(long)]
    short: bool,
    #[command(flatten)]
    show: ListArgs,
}

impl SpacesArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let spaces = session.at_model()?.client.spaces().await?.spaces;
        let text = match self.show.format.structured() {
            Some(format) if self.short => {
                let names: Vec<&str> = spaces.iter().map(|space| space.name.as_str()).collect();
                format.text(&BTreeMap::from([("spaces", names)]))?
            }
            Some(format) => format.text(&Spaces {
                spaces: spaces.iter().map(listed).collect(),
            })?,
            None => table(&spaces, self.short),
        };
        self.show.to.print(&text)
    }
}

fn listed(info: &SpaceInfo) -> Space {
    Space {
        id: info.id.to_string(),
        name: info.name.clone(),
        subnets: info.subnets.iter().map(|one| subnet(one, "")).collect(),
    }
}

fn table(spaces: &[SpaceInfo], short: bool) -> String {
    if short {
        let names = spaces.iter().map(|space| format!("{}\n", space.name));
        return format!("Space\n{}", names.collect::<String>());
    }
    let mut table = Table::new(&["Name", "Space ID", "Subnets"]);
    for space in spaces {
        let mut first = [space.name.clone(), space.id.to_string()];
        let none = String::new();
        let subnets: Vec<&String> = space.subnets.iter().map(|one| &one.cidr).collect();
        let subnets = match subnets.is_empty() {
            true => vec![&none],
            false => subnets,
        };
        for cidr in subnets {
            let [name, id] = std::mem::take(&mut first);
            table.row([name, id, cidr.clone()]);
        }
    }
    table.text()
}

/// Show a space with its subnets, and who uses it
#[derive(Debug, clap::Args)]
pub(crate) struct ShowSpaceArgs {
    /// The space
    name: String,
    #[command(flatten)]
    show: ShowArgs,
}

impl ShowSpaceArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let spaces = session.at_model()?.client.spaces().await?.spaces;
        let info = spaces
            .into_iter()
            .find(|space| space.name == self.name)
            .ok_or_else(|| {
                Error::with_hint(
                    format!("space {:?} not found", self.name),
                    "lazuli spaces lists them.",
                )
            })?;
        let subnets = info.subnets.into_iter().map(|one| ShownSubnet {
            cidr: one.cidr,
            provider_id: one.provider_id,
            provider_network_id: one.provider_network_id,
            vlan_tag: 0,
            zones: Vec::new(),
        });
        self.show.print(&Shown {
            space: ShownSpace {
                id: info.id.to_string(),
                name: info.name,
                subnets: subnets.collect(),
            },
            applications: info.applications,
            machine_count: info.machine_count,
        })
    }
}

/// List the subnets of the model's network
#[derive(Debug, clap::Args)]
pub(crate) struct SubnetsArgs {
    /// Only those of this space
    #[arg(long, value_name = "NAME")]
    space: Option<String>,
    /// Only those of this zone: subnets are in all of them
    #[arg(long, value_name = "NAME", hide = true)]
    zone: Option<String>,
    #[command(flatten)]
    show: ShowArgs,
}

impl SubnetsArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let spaces = session.at_model()?.client.spaces().await?.spaces;
        let wanted = |space: &&SpaceInfo| {
            let named = self.space.as_ref();
            named.is_none_or(|name| *name == space.name)
        };
        let spaces = spaces.iter().filter(wanted);
        let subnets: BTreeMap<_, _> = spaces
            .flat_map(|space| space.subnets.iter().map(|one| subnet(one, &space.name)))
            .collect();
        if subnets.is_empty() {
            session.say("No subnets found matching requested criteria.");
            return Ok(());
        }
        self.show.print(&Subnets { subnets })
    }
}

/// Add a space: a name for subnets, that endpoints can be bound to
///
/// Ranges of the model's network that are no subnets yet are made so; without
/// any, the space gets the next one that is free.
#[derive(Debug, clap::Args)]
pub(crate) struct AddSpaceArgs {
    /// Its name
    name: String,
    /// Ranges of its subnets
    #[arg(value_name = "CIDR")]
    subnets: Vec<String>,
}

impl AddSpaceArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let client = session.at_model()?.client;
        let space = AddSpace {
            name: self.name,
            subnets: self.subnets,
        };
        client.add_space(&space).await?;
        let spaces = client.spaces().await?.spaces;
        let made = spaces.into_iter().find(|one| one.name == space.name);
        let subnets = made.into_iter().flat_map(|space| space.subnets);
        let subnets: Vec<String> = subnets.map(|one| one.cidr).collect();
        session.say(format!(
            "added space {:?} with subnets {}",
            space.name,
            subnets.join(", ")
        ));
        Ok(())
    }
}

/// Remove a space; its subnets are those of "alpha" then
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveSpaceArgs {
    /// The space
    name: String,
    /// Bind what uses it to "alpha"
    #[arg(long)]
    force: bool,
    /// Do not ask: nothing is asked here
    #[arg(short, long, hide = true)]
    yes: bool,
}

impl RemoveSpaceArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let client = session.at_model()?.client;
        client.remove_space(&self.name, self.force).await?;
        session.say(format!("removed space {:?}", self.name));
        Ok(())
    }
}

/// Give a space another name
#[derive(Debug, clap::Args)]
pub(crate) struct RenameSpaceArgs {
    /// The space
    name: String,
    /// Its new name
    new: String,
}

impl RenameSpaceArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let change = ChangeSpace {
            name: Some(self.new.clone()),
            ..ChangeSpace::default()
        };
        let client = session.at_model()?.client;
        client.change_space(&self.name, &change).await?;
        session.say(format!("renamed space {:?} to {:?}", self.name, self.new));
        Ok(())
    }
}

/// Move subnets to a space
#[derive(Debug, clap::Args)]
pub(crate) struct MoveToSpaceArgs {
    /// The space
    name: String,
    /// Ranges of the subnets; of the model's network, those that are none yet
    /// are made
    #[arg(required = true, value_name = "CIDR")]
    subnets: Vec<String>,
    /// Move them although machines have addresses in them
    #[arg(long)]
    force: bool,
}

impl MoveToSpaceArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let client = session.at_model()?.client;
        let before = client.spaces().await?.spaces;
        let change = ChangeSpace {
            subnets: self.subnets,
            force: self.force,
            ..ChangeSpace::default()
        };
        client.change_space(&self.name, &change).await?;
        for cidr in &change.subnets {
            let has = |space: &&SpaceInfo| space.subnets.iter().any(|one| one.cidr == *cidr);
            session.say(match before.iter().find(has) {
                Some(old) => format!("Subnet {cidr} moved from {} to {}", old.name, self.name),
                None => format!("Subnet {cidr} added to {}", self.name),
            });
        }
        Ok(())
    }
}

/// Look for spaces and subnets of the cloud: they are Lazuli's own here, so
/// there is nothing to look for
#[derive(Debug, clap::Args)]
pub(crate) struct ReloadSpacesArgs {}

impl ReloadSpacesArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        session.at_model()?.client.spaces().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: u32, name: &str, subnets: &[&str]) -> SpaceInfo {
        SpaceInfo {
            id,
            name: name.to_owned(),
            subnets: subnets
                .iter()
                .map(|cidr| SubnetInfo {
                    cidr: (*cidr).to_owned(),
                    provider_id: "default".to_owned(),
                    provider_network_id: "n".to_owned(),
                    made: true,
                })
                .collect(),
            applications: Vec::new(),
            machine_count: 0,
        }
    }

    #[test]
    fn spaces_are_listed_as_juju_does() {
        let spaces = [
            info(0, "alpha", &["10.64.0.0/19"]),
            info(1, "db", &["10.64.32.0/24", "10.64.33.0/24"]),
            info(2, "none", &[]),
        ];
        assert_eq!(
            table(&spaces, false),
            "Name   Space ID  Subnets\n\
             alpha  0         10.64.0.0/19\n\
             db     1         10.64.32.0/24\n                 10.64.33.0/24\n\
             none   2         \n"
        );
        assert_eq!(table(&spaces, true), "Space\nalpha\ndb\nnone\n");
        assert_eq!(
            serde_json::to_string(&listed(&spaces[0])).unwrap(),
            r#"{"id":"0","name":"alpha","subnets":{"10.64.0.0/19":{"type":"ipv4","provider-id":"default","provider-network-id":"n","status":"in-use","zones":[]}}}"#
        );
    }
}
