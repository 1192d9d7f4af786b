//! `debug-hooks` and `debug-code`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use lazuli_api::HookList;

use crate::error::{Error, Result};
use crate::openssh::{OpenSshArgs, Target, Way, unit_of};
use crate::session::Session;

/// Finds the program that the controller brought last, and lets it take over
/// the terminal, as root.
const ON_MACHINE: &str = "sudo=sudo; [ \"$(id -u)\" = 0 ] && sudo=; exec $sudo sh -c '\
    runner=$(ls -t /var/lib/lazuli/runner/*/lazuli-runner 2>/dev/null | head -n 1); \
    if [ -z \"$runner\" ]; then \
    echo \"ERROR this machine has run no hook yet: wait until status shows it started\" >&2; exit 1; fi; \
    exec \"$runner\" debug \"$@\"' debug";

/// Launch a tmux session to debug hooks and/or actions
///
/// While it is open, the hooks and actions that are named (all, if none is)
/// open a window of the session rather than run: a shell with their
/// environment and tools, in the charm's directory. What its exit code is
/// decides whether the hook succeeded.
#[derive(Debug, clap::Args)]
pub(crate) struct HooksArgs {
    #[command(flatten)]
    what: What,
}

/// Launch a tmux session to debug hooks and/or actions with breakpoints
///
/// While it is open, the hooks and actions that are named (all, if none is)
/// run in windows of the session, with JUJU_DEBUG_AT set: charms written with
/// ops stop at the breakpoints that it names.
#[derive(Debug, clap::Args)]
pub(crate) struct CodeArgs {
    #[command(flatten)]
    what: What,
    /// At which breakpoints to stop: names, separated by commas
    #[arg(long, value_name = "NAMES", default_value = "all")]
    at: String,
}

#[derive(Debug, clap::Args)]
struct What {
    #[command(flatten)]
    how: OpenSshArgs,
    /// Whether to have a terminal, without which there is no session
    #[arg(
        long, num_args = 0..=1, default_missing_value = "true", require_equals = true,
        default_value_t = true, action = clap::ArgAction::Set
    )]
    pty: bool,
    /// [USER@]UNIT, or app/leader
    #[arg(value_name = "UNIT")]
    target: String,
    /// Hooks and actions
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

impl HooksArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        self.what.debug(session, None).await
    }
}

impl CodeArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let plain = |one: char| one.is_ascii_alphanumeric() || "-_.,".contains(one);
        if self.at.is_empty() || !self.at.chars().all(plain) {
            return Err(Error::Usage(format!(
                "--at {:?} is no list of breakpoints, such as all or first,second",
                self.at
            )));
        }
        self.what.debug(session, Some(&self.at)).await
    }
}

impl What {
    async fn debug(self, session: &Session, at: Option<&str>) -> Result<()> {
        if !self.pty {
            return Err(Error::Usage("a session needs a terminal".to_owned()));
        }
        let target = Target::parse(&self.target);
        if !target.is_of_model() || !target.name.contains('/') {
            return Err(Error::Usage(format!(
                "{:?} is not a valid unit name",
                self.target
            )));
        }
        let model = session.at_model()?;
        let (unit, machine) = unit_of(&model, &target.name).await?;
        if !self.names.is_empty() {
            let (application, _) = unit.rsplit_once('/').unwrap_or((&unit, ""));
            let hooks = model.client.hooks(application).await?;
            let actions = model.client.actions(application).await?.actions;
            let actions: Vec<&str> = actions.keys().map(String::as_str).collect();
            for unseen in check(&unit, &self.names, &hooks, &actions)? {
                session.say(format!(
                    "{unseen}: the charm has no program for it, so it is never run"
                ));
            }
        }
        let mut way = Way::new(session, &model, &self.how)?;
        let machine = Target {
            user: target.user,
            name: machine,
        };
        let host = way.add(&model, &machine).await?;
        let mut words = vec![ON_MACHINE, &unit];
        if let Some(at) = at {
            words.extend(["--at", at]);
        }
        words.extend(self.names.iter().map(String::as_str));
        let words: [OsString; 4] = [
            "-t".into(),
            "-t".into(),
            host.into(),
            words.join(" ").into(),
        ];
        way.run("ssh", &words)
    }
}

/// Refuses names that the charm cannot have; answers the hooks among them that
/// it does not have.
fn check<'a>(
    unit: &str,
    names: &'a [String],
    hooks: &HookList,
    actions: &[&str],
) -> Result<Vec<&'a str>> {
    let mut unseen = Vec::new();
    for name in names {
        match hooks.hooks.get(name) {
            _ if actions.contains(&name.as_str()) => {}
            Some(true) => {}
            Some(false) => unseen.push(name.as_str()),
            None => {
                let hooks: BTreeMap<_, _> = hooks.hooks.iter().filter(|(_, has)| **has).collect();
                let hooks: Vec<&str> = hooks.into_keys().map(String::as_str).collect();
                return Err(Error::user(format!(
                    "unit {unit:?} contains neither hook nor action {name:?}, valid actions are \
                     [{}] and valid hooks are [{}]",
                    actions.join(" "),
                    hooks.join(" ")
                )));
            }
        }
    }
    Ok(unseen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_charm_can_have_are_waited_for() {
        let hooks = [("install", true), ("start", false)];
        let hooks = HookList {
            hooks: hooks.map(|(name, has)| (name.to_owned(), has)).into(),
        };
        let check = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let unseen = check("app/0", &names, &hooks, &["save"])?;
            Ok::<_, Error>(unseen.join(" "))
        };
        assert_eq!(check(&["install", "save"]).unwrap(), "");
        assert_eq!(check(&["install", "start"]).unwrap(), "start");
        let report = check(&["stop"]).unwrap_err().report();
        assert!(
            report.starts_with(
                "ERROR unit \"app/0\" contains neither hook nor action \"stop\", valid actions \
                 are [save] and valid hooks are [install]"
            ),
            "{report}"
        );
    }
}
