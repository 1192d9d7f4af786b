//! `exec`.

use std::time::Duration;

use lazuli_api::Exec;

use crate::arguments;
use crate::error::{Error, Result};
use crate::operation::{self, ResultArgs, WaitArgs};
use crate::session::Session;

/// How long to wait unless told (Juju's number).
const USUAL: Duration = Duration::from_secs(300);

/// Run commands on machines, or in the context of units
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run the commands on all the machines
    #[arg(long)]
    all: bool,
    /// One or more machine ids
    #[arg(long, value_name = "IDS")]
    machine: Vec<String>,
    /// One or more application names
    #[arg(short, long, alias = "app", value_name = "NAMES")]
    application: Vec<String>,
    /// One or more unit ids
    #[arg(short, long, value_name = "UNITS")]
    unit: Vec<String>,
    /// Run the commands in parallel without first acquiring a lock
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true",
        require_equals = true, action = clap::ArgAction::Set)]
    parallel: bool,
    /// Commands in the same execution group are run sequentially
    #[arg(long, value_name = "GROUP", default_value = "")]
    execution_group: String,
    #[arg(long, hide = true)]
    operator: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    show: ResultArgs,
    /// The commands
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    commands: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        self.wait.check()?;
        if self.operator {
            return Err(Error::Usage(
                "--operator is for models on Kubernetes, which there are none of here".to_owned(),
            ));
        }
        let request = self.request()?;
        let at = session.at_model()?;
        let asked = at.client.exec(&request).await?;
        operation::see_through(session, &at.client, &asked, &self.wait, USUAL, &self.show).await
    }

    fn request(&self) -> Result<Exec> {
        let usage = |text: &str| Err(Error::Usage(text.to_owned()));
        let request = Exec {
            command: match self.commands.as_slice() {
                [] => return usage("no commands specified"),
                [one] => one.clone(),
                words => command_string(words),
            },
            units: arguments::list(&self.unit),
            applications: arguments::list(&self.application),
            machines: arguments::list(&self.machine),
            all: self.all,
            parallel: self.parallel,
            execution_group: self.execution_group.clone(),
        };
        let named = !request.units.is_empty()
            || !request.applications.is_empty()
            || !request.machines.is_empty();
        match (request.all, named) {
            (true, true) => usage("You cannot specify --all and individual machines"),
            (false, false) => usage(
                "You must specify a target, either through --all, --machine, --application or \
                 --unit",
            ),
            _ => Ok(request),
        }
    }
}

/// Words as one command: quoted where a shell would take them apart.
fn command_string(words: &[String]) -> String {
    let special = |c: char| c.is_whitespace() || "\"'\\$`".contains(c);
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            if !word.is_empty() && !word.contains(special) {
                return word.clone();
            }
            let mut quoted = String::from("\"");
            for c in word.chars() {
                if "\"\\$`".contains(c) {
                    quoted.push('\\');
                }
                quoted.push(c);
            }
            quoted.push('"');
            quoted
        })
        .collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Args {
        let words = std::iter::once("exec").chain(words.iter().copied());
        Line::try_parse_from(words).unwrap().args
    }

    #[test]
    fn words_become_one_command() {
        let args = parse(&["--unit", "a/0,a/1", "--", "echo", "a b", "$HOME", "c"]);
        let request = args.request().unwrap();
        assert_eq!(request.command, "echo \"a b\" \"\\$HOME\" c");
        assert_eq!(request.units, ["a/0", "a/1"]);
        assert!(request.parallel);
        let args = parse(&["--machine=0", "--parallel=false", "echo $HOME | cat"]);
        let request = args.request().unwrap();
        assert_eq!(request.command, "echo $HOME | cat");
        assert!(!request.parallel);
        let args = parse(&["-a", "web", "hostname", "-f"]);
        assert_eq!(args.request().unwrap().command, "hostname -f");
    }

    #[test]
    fn targets_are_named() {
        assert!(parse(&["hostname"]).request().is_err());
        assert!(
            parse(&["--all", "--unit", "a/0", "hostname"])
                .request()
                .is_err()
        );
        assert!(parse(&["--all"]).request().is_err());
        assert!(parse(&["--all", "hostname"]).request().is_ok());
    }
}
