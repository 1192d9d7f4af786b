//! The command line: global flags, and what is said about mistakes.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser};
use time::UtcOffset;

use crate::commands::Command;
use crate::commands::version::version_text;
use crate::error::{Error, Result};
use crate::files::Files;
use crate::output;
use crate::session::Session;

/// Deploy, integrate and operate applications.
#[derive(Debug, Parser)]
#[command(
    name = "lazuli",
    version = version_text(),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of all commands.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Model to operate in: [controller:][owner/]model, or its id
    #[arg(short, long, global = true, value_name = "MODEL")]
    model: Option<String>,
    /// Controller to operate in
    #[arg(short, long, global = true, value_name = "NAME")]
    controller: Option<String>,
    /// Show no informational output
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Show more verbose output
    #[arg(short, long, global = true, conflicts_with = "quiet", hide = true)]
    verbose: bool,
    #[arg(long, global = true, hide = true)]
    debug: bool,
    #[arg(long, global = true, hide = true)]
    show_log: bool,
    #[arg(long, global = true, hide = true, value_name = "CONFIG")]
    logging_config: Option<String>,
    #[arg(short = 'B', long, global = true, hide = true)]
    no_browser_login: bool,
    /// Use colours, as debug-log does at a terminal
    #[arg(long, global = true, overrides_with = "no_color")]
    color: bool,
    /// Use no colours
    #[arg(long, global = true)]
    no_color: bool,
}

impl Cli {
    /// Does what was asked for.
    pub(crate) async fn run(self, offset: UtcOffset) -> Result<()> {
        let session = Session {
            files: Files::of_user(|name| std::env::var(name).ok())?,
            model: self.global.model,
            controller: self.global.controller,
            quiet: self.global.quiet,
            color: match (self.global.color, self.global.no_color) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            offset,
        };
        self.command.run(&session).await
    }
}

/// Shows help that was asked for; says what is wrong with all else among the
/// words of the command line, in Juju's form.
pub(crate) fn explain(error: &clap::Error, words: &[String]) -> Result<()> {
    match error.kind() {
        ErrorKind::DisplayHelp => output::print(&error.render().to_string()),
        ErrorKind::DisplayVersion => output::print(&format!("{}\n", version_text())),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            eprint!("{}", error.render());
            Err(Error::Passed(2))
        }
        ErrorKind::InvalidSubcommand => Err(Error::Usage(unknown_command(error))),
        _ => Err(Error::Usage(usage(&error.render().to_string(), words))),
    }
}

fn unknown_command(error: &clap::Error) -> String {
    let name = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => name.as_str(),
        _ => "that",
    };
    let near = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::String(near)) => vec![near.clone()],
        Some(ContextValue::Strings(near)) => near.clone(),
        _ => Vec::new(),
    };
    // The parser names the nearest last.
    let near: Vec<String> = near.into_iter().rev().collect();
    let near = match near.as_slice() {
        [] => "See \"lazuli --help\".".to_owned(),
        near => format!("Did you mean:\n  {}", near.join("\n  ")),
    };
    format!("{name:?} is not a command of lazuli. {near}")
}

/// What is wrong, without the frame that the parser puts around it, and where
/// there is help.
fn usage(rendered: &str, words: &[String]) -> String {
    let text = rendered.strip_prefix("error: ").unwrap_or(rendered);
    let text = text.split("\n\nUsage:").next().unwrap_or(text);
    let text = text
        .split("\n\nFor more information")
        .next()
        .unwrap_or(text);
    let command = words
        .iter()
        .skip(1)
        .find(|word| Cli::command().find_subcommand(word).is_some());
    let help = match command {
        Some(command) => format!("lazuli help {command}"),
        None => "lazuli --help".to_owned(),
    };
    format!("{}\nSee \"{help}\".", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(words: &[&str]) -> Error {
        let words = std::iter::once(&"lazuli").chain(words);
        let words: Vec<String> = words.map(|word| (*word).to_owned()).collect();
        let error = Cli::try_parse_from(&words).unwrap_err();
        explain(&error, &words).unwrap_err()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_and_after_positionals() {
        for words in [
            ["lazuli", "status", "--model", "m", "app"],
            ["lazuli", "status", "app", "--model", "m"],
            ["lazuli", "--model", "m", "status", "app"],
        ] {
            let cli = Cli::try_parse_from(words).unwrap();
            assert_eq!(cli.global.model.as_deref(), Some("m"));
        }
    }

    #[test]
    fn mistakes_are_usage_errors() {
        let error = fails(&["statsu"]);
        assert_eq!(error.exit_code(), 2);
        let report = error.report();
        assert!(report.starts_with("ERROR \"statsu\" is not"), "{report}");
        assert!(report.contains("Did you mean:\n  status\n"), "{report}");
        let error = fails(&["status", "--no-such"]);
        assert_eq!(error.exit_code(), 2);
        assert!(error.report().starts_with("ERROR unexpected argument"));
        let report = fails(&["integrate", "-m", "x", "a"]).report();
        assert!(
            report.ends_with("See \"lazuli help integrate\".\n"),
            "{report}"
        );
        assert_eq!(fails(&["integrate", "a"]).exit_code(), 2);
        assert_eq!(fails(&["status", "--format", "xml"]).exit_code(), 2);
    }

    #[test]
    fn words_for_openssh_are_left_alone() {
        let cli = Cli::try_parse_from([
            "lazuli", "ssh", "--model", "m", "u/0", "-i", "key", "-m", "x", "echo", "--model",
        ])
        .unwrap();
        assert_eq!(cli.global.model.as_deref(), Some("m"));
        let Command::Ssh(ssh) = cli.command else {
            panic!("another command");
        };
        assert_eq!(
            ssh.words,
            ["u/0", "-i", "key", "-m", "x", "echo", "--model"]
        );
    }
}
