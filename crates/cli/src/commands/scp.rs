//! `scp`.

use std::ffi::OsString;

use crate::error::{Error, Result};
use crate::openssh::{OpenSshArgs, Target, Way};
use crate::session::Session;

/// Copy files to and from machines
///
/// All is OpenSSH's, but that hosts are [USER@]TARGET: machines such as 0,
/// and units such as app/0. Options of OpenSSH come after a --.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    how: OpenSshArgs,
    /// [OPTIONS OF OPENSSH] SOURCE... DESTINATION
    #[arg(
        required = true,
        num_args = 2..,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "SOURCE DESTINATION"
    )]
    words: Vec<OsString>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let mut way = Way::new(session, &at, &self.how)?;
        // Both ends may be machines: they may not reach each other.
        let mut words: Vec<OsString> = vec!["-3".into()];
        let mut remote = false;
        for word in self.words {
            match word.to_str().and_then(remote_path) {
                Some((target, path)) => {
                    let host = way.add(&at, &target).await?;
                    words.push(format!("{host}:{path}").into());
                    remote = true;
                }
                None => words.push(word),
            }
        }
        if !remote {
            return Err(Error::Usage(
                "no machine is named: a source or the destination is TARGET:PATH, such as \
                 app/0:file"
                    .to_owned(),
            ));
        }
        way.run("scp", &words)
    }
}

/// The machine and the path of a word, if it is one of a machine.
fn remote_path(word: &str) -> Option<(Target, &str)> {
    if word.starts_with('-') {
        return None;
    }
    let (target, path) = word.split_once(':')?;
    let target = Target::parse(target);
    target.is_of_model().then_some((target, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_told_from_files() {
        let (target, path) = remote_path("me@app/0:/tmp/x:y").unwrap();
        assert_eq!(target, Target::parse("me@app/0"));
        assert_eq!(path, "/tmp/x:y");
        for local in ["file", "./a:b", "-oX=1:2", "host:file", "dir/sub/0:x"] {
            assert_eq!(remote_path(local), None, "{local}");
        }
    }
}
