//! `ssh`.

use std::ffi::OsString;

use crate::error::{Error, Result};
use crate::openssh::{OpenSshArgs, Target, Way};
use crate::session::Session;

/// Open a shell, or run a command, on a machine or a unit's machine
///
/// All after the target is OpenSSH's: its options, then the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    how: OpenSshArgs,
    /// Whether to have a terminal; if there is one, unless said otherwise
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pty: Option<bool>,
    /// [USER@]TARGET, then options of OpenSSH and the command
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "TARGET [OPTIONS] [COMMAND]"
    )]
    pub(crate) words: Vec<OsString>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let Some((target, rest)) = self.words.split_first() else {
            return Err(Error::Usage("the target is missing".to_owned()));
        };
        let text = target.to_string_lossy();
        let target = Target::parse(&text);
        if !target.is_of_model() {
            return Err(Error::Usage(format!(
                "{text:?} is no target: name a machine such as 0, or a unit such as app/0"
            )));
        }
        let at = session.at_model()?;
        let mut way = Way::new(session, &at, &self.how)?;
        let host = way.add(&at, &target).await?;
        let mut words: Vec<OsString> = Vec::new();
        match self.pty {
            Some(true) => words.extend(["-t".into(), "-t".into()]),
            Some(false) => words.push("-T".into()),
            None if session.may_ask() && session.shows() => words.push("-t".into()),
            None => {}
        }
        words.push(host.into());
        words.extend(rest.iter().cloned());
        way.run("ssh", &words)
    }
}
