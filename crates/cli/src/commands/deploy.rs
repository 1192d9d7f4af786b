//! `deploy`.

use std::collections::BTreeMap;

use lazuli_api::client::ModelClient;
use lazuli_api::{CharmInfo, Choice, Deploy, NamedCharm};

use crate::arguments;
use crate::charm_source::{self, Place};
use crate::error::{Error, Result};
use crate::located;
use crate::output::print;
use crate::render::changes::would;
use crate::resource_files::{self, Given};
use crate::session::Session;

/// Deploy a new application
///
/// A charm is a directory or an archive (a path that begins with . or /), or a
/// name: of one in a directory of $LAZULI_CHARMS, in the controller's catalogue,
/// or in the charm store.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The charm
    charm: String,
    /// The application's name; the charm's if none is given
    application: Option<String>,
    /// Number of units to deploy
    #[arg(short, long, value_name = "N")]
    num_units: Option<u32>,
    /// A setting: KEY=VALUE, KEY=@FILE, or a YAML file
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// Constraints of its machines
    #[arg(long, value_name = "CONSTRAINTS")]
    constraints: Vec<String>,
    /// The base to deploy on, such as ubuntu@24.04
    #[arg(long)]
    base: Option<String>,
    /// Where units go, with commas between: 0, zone=1, new
    #[arg(long, value_name = "PLACEMENT")]
    to: Vec<String>,
    /// Let it use the cloud's credential
    #[arg(long)]
    trust: bool,
    /// Bindings of endpoints to spaces: "SPACE ENDPOINT=SPACE"
    #[arg(long)]
    bind: Option<String>,
    /// Storage: NAME=DIRECTIVE
    #[arg(long, value_name = "NAME=DIRECTIVE")]
    storage: Vec<String>,
    /// Deploy although the charm is not made for the base
    #[arg(long)]
    force: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[arg(long, hide = true, conflicts_with = "base")]
    series: Option<String>,
    /// The channel of the charm store, such as stable or 14/edge
    #[arg(long)]
    channel: Option<String>,
    /// The revision of the charm store; needs --channel
    #[arg(long)]
    revision: Option<u32>,
    /// A resource: NAME=PATH, or NAME=REVISION for charms of the store
    #[arg(long, value_name = "NAME=PATH")]
    resource: Vec<String>,
    #[arg(long, hide = true)]
    overlay: Vec<String>,
    #[arg(long, hide = true)]
    map_machines: Vec<String>,
    /// Existing storage to attach to the deployed unit
    #[arg(long, value_name = "STORAGE")]
    attach_storage: Vec<String>,
    #[arg(long, hide = true)]
    device: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        self.refuse_what_cannot_be_done()?;
        let place = charm_source::find(&self.charm)?;
        let mut deploy = self.request()?;
        let files = resource_files::read(&self.resource)?;
        let at = session.at_model()?;
        let client = at.client.clone().dry_run(self.dry_run);
        let located = match &place {
            Place::Path(path) => {
                if self.channel.is_some() || self.revision.is_some() {
                    session.say("--channel and --revision are ignored: the charm is local");
                }
                resource_files::only_files(&files)?;
                located::upload(&client, path).await?
            }
            Place::Named(name) => located::named(&client, &self.wanted(name, &files)?).await?,
        };
        session.say_all(&located.notices);
        let charm = &located.charm;
        session.say(located.found());
        let name = self.application.as_deref().unwrap_or(&charm.name);
        deploy.charm.clone_from(&charm.url);
        deploy.config = self.settings(&charm.name)?;
        deploy.channel.clone_from(&located.channel);
        deploy.base = deploy.base.or_else(|| located.base.clone());
        if self.dry_run && charm.sha256.is_empty() {
            return self.tell_unknown(session, &client, name, charm).await;
        }
        if !self.dry_run {
            deploy.resources.clone_from(&located.resources);
            let sent = resource_files::send(session, &client, &files).await?;
            deploy.resources.extend(sent);
        }
        let changed = client.deploy(&deploy).await?;
        if self.dry_run {
            print(&would(&changed))?;
        } else {
            let base = match self.known_base(charm).or(located.base.clone()) {
                Some(base) => base,
                None => at.client.application(name).await?.base,
            };
            session.say(located.deploying(name, &with_risk(&base)));
        }
        session.say_all(&changed.notices);
        Ok(())
    }

    /// What a dry run can tell of a charm that the model does not have yet.
    async fn tell_unknown(
        &self,
        session: &Session,
        client: &ModelClient,
        name: &str,
        charm: &CharmInfo,
    ) -> Result<()> {
        match client.application(name).await.map_err(Error::from) {
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
            Ok(_) => {
                return Err(Error::user(format!("application {name:?} already exists")));
            }
        }
        let units = match charm.subordinate {
            true => 0,
            false => self.num_units.unwrap_or(1),
        };
        print(&format!(
            "would add charm {}\nwould add application {name}\nwould add {units} unit(s)\n",
            charm.name
        ))?;
        session
            .say("The model does not have this charm yet: settings and places are checked then.");
        Ok(())
    }

    fn refuse_what_cannot_be_done(&self) -> Result<()> {
        for (flag, given, why) in [
            ("--overlay", &self.overlay, "bundles"),
            ("--map-machines", &self.map_machines, "bundles"),
            ("--device", &self.device, "devices"),
        ] {
            if !given.is_empty() {
                return Err(Error::user(format!(
                    "{flag} cannot be used: this version of lazuli has no {why}"
                )));
            }
        }
        Ok(())
    }

    /// What the controller is asked for, by the charm's name.
    fn wanted(&self, name: &str, files: &BTreeMap<String, Given>) -> Result<NamedCharm> {
        if self.revision.is_some() && self.channel.is_none() {
            return Err(Error::Usage(
                "when using --revision option, you must also use --channel option".to_owned(),
            ));
        }
        let arches = self
            .constraints
            .iter()
            .flat_map(|text| text.split_whitespace());
        let arch = arches
            .filter_map(|word| word.strip_prefix("arch="))
            .next_back();
        Ok(NamedCharm {
            name: name.to_owned(),
            choice: Choice {
                channel: self.channel.clone(),
                revision: self.revision,
                base: self.base.clone().or_else(|| self.series.clone()),
                arch: arch.map(str::to_owned),
            },
            resources: resource_files::revisions(files),
            without: resource_files::files(files),
            ..NamedCharm::default()
        })
    }

    /// What the command line says, without the charm and its settings.
    fn request(&self) -> Result<Deploy> {
        Ok(Deploy {
            charm: String::new(),
            name: self.application.clone(),
            num_units: self.num_units,
            base: self.base.clone().or_else(|| self.series.clone()),
            config: BTreeMap::new(),
            constraints: match self.constraints.is_empty() {
                true => None,
                false => Some(self.constraints.join(" ")),
            },
            placement: arguments::list(&self.to),
            trust: self.trust,
            endpoint_bindings: match &self.bind {
                Some(text) => arguments::bindings(text)?,
                None => BTreeMap::new(),
            },
            storage: arguments::pairs("storage", &self.storage)?,
            resources: BTreeMap::new(),
            channel: None,
            attach_storage: arguments::list(&self.attach_storage),
            force: self.force,
        })
    }

    fn settings(&self, charm: &str) -> Result<arguments::Settings> {
        let name = self.application.as_deref().unwrap_or(charm);
        arguments::config(&self.config, &[name, charm])
    }

    /// The base, unless it is for the server to choose.
    fn known_base(&self, charm: &CharmInfo) -> Option<String> {
        self.base.clone().or_else(|| match charm.bases.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        })
    }
}

/// A base as Juju says it: with its risk.
fn with_risk(base: &str) -> String {
    match base.contains('/') {
        true => base.to_owned(),
        false => format!("{base}/stable"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Args {
        let words = std::iter::once("deploy").chain(words.iter().copied());
        Line::try_parse_from(words).unwrap().args
    }

    #[test]
    fn all_flags_reach_the_request() {
        let args = parse(&[
            "./x",
            "app",
            "-n",
            "3",
            "--to",
            "0,zone=1",
            "--to",
            "new",
            "--constraints",
            "cores=2",
            "--constraints",
            "mem=4G",
            "--base",
            "ubuntu@24.04",
            "--trust",
            "--bind",
            "alpha db=beta",
            "--storage",
            "data=1G",
            "--force",
            "--config",
            "a=1",
            "--config",
            "b=x=y",
        ]);
        let request = serde_json::to_value(args.request().unwrap()).unwrap();
        let expected = json!({
            "charm": "", "name": "app", "num_units": 3, "base": "ubuntu@24.04", "config": {},
            "constraints": "cores=2 mem=4G", "placement": ["0", "zone=1", "new"], "trust": true,
            "endpoint_bindings": {"": "alpha", "db": "beta"}, "storage": {"data": "1G"},
            "resources": {}, "channel": null, "attach_storage": [],
            "force": true,
        });
        assert_eq!(request, expected);
        assert_eq!(
            json!(args.settings("x").unwrap()),
            json!({"a": "1", "b": "x=y"})
        );
        assert_eq!(with_risk("ubuntu@24.04"), "ubuntu@24.04/stable");
    }

    #[test]
    fn a_bare_deploy_leaves_the_rest_to_the_server() {
        let request = parse(&["./x"]).request().unwrap();
        assert_eq!(request, Deploy::default());
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let args = parse(&["./x", "--device", "a=b"]);
        let error = args.refuse_what_cannot_be_done().unwrap_err();
        assert!(error.to_string().contains("--device"));
        assert!(parse(&["./x", "--storage", "data"]).request().is_err());
    }
}
