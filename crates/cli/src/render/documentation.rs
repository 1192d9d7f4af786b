//! The reference of all commands, from the command line's own definition.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

/// Every command with its arguments, as Markdown. The same for the same
/// definition, whatever the terminal.
pub(crate) fn reference(program: &Command) -> String {
    let mut text = format!(
        "# The commands of {name}\n\n\
         Made by `{name} documentation`. Options may stand before and after other arguments.\n",
        name = program.get_name()
    );
    let global: Vec<&Arg> = shown(program).filter(|arg| arg.is_global_set()).collect();
    text += "\n## Options of all commands\n\n";
    text += &options(&global);
    let mut commands: Vec<&Command> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .collect();
    commands.sort_by_key(|command| command.get_name());
    for command in commands {
        text += &section(program.get_name(), command);
    }
    text
}

fn section(program: &str, command: &Command) -> String {
    let name = command.get_name();
    let mut text = format!("\n## {name}\n\n");
    let about = command.get_long_about().or(command.get_about());
    if let Some(about) = about {
        _ = write!(text, "{}\n\n", sentence(&about.to_string()));
    }
    _ = write!(text, "    {program} {name}");
    let (positionals, mut named): (Vec<&Arg>, Vec<&Arg>) = shown(command)
        .filter(|arg| !arg.is_global_set())
        .partition(|arg| arg.is_positional());
    if !named.is_empty() {
        text += " [OPTIONS]";
    }
    for arg in &positionals {
        _ = write!(text, " {}", place(arg));
    }
    text += "\n";
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        _ = write!(text, "\nAlso `{}`.\n", aliases.join("`, `"));
    }
    if !positionals.is_empty() {
        text += "\n| argument | |\n|---|---|\n";
        for arg in &positionals {
            _ = writeln!(text, "| `{}` | {} |", cell(&values(arg)), help(arg));
        }
    }
    if !named.is_empty() {
        named.sort_by_key(|arg| arg.get_long());
        _ = write!(text, "\n{}", options(&named));
    }
    text
}

fn options(args: &[&Arg]) -> String {
    let mut text = "| option | |\n|---|---|\n".to_owned();
    for arg in args {
        _ = writeln!(text, "| `{}` | {} |", cell(&option(arg)), help(arg));
    }
    text
}

/// What people are shown, apart from `--help` and `--version`.
fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        !arg.is_hide_set()
            && !matches!(
                arg.get_action(),
                ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
            )
    })
}

/// An option with its value: `-n, --num-units N`.
fn option(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let longs = arg.get_long().into_iter();
    let longs = longs.chain(arg.get_visible_aliases().unwrap_or_default());
    let names: Vec<String> = short
        .into_iter()
        .chain(longs.map(|long| format!("--{long}")))
        .collect();
    let names = names.join(", ");
    let takes = arg.get_action().takes_values();
    match (takes, arg.is_require_equals_set()) {
        (false, _) => names,
        (true, false) => format!("{names} {}", values(arg)),
        (true, true) => format!("{names}[={}]", values(arg)),
    }
}

fn values(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.join(" ")
}

/// A positional argument in a line of usage.
fn place(arg: &Arg) -> String {
    let many = matches!(arg.get_action(), ArgAction::Append)
        || arg
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1);
    let more = if many { "..." } else { "" };
    match arg.is_required_set() {
        true => format!("{}{more}", values(arg)),
        false => format!("[{}]{more}", values(arg)),
    }
}

/// What an argument is for, its values and its default.
fn help(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !possible.is_empty() && arg.get_action().takes_values() {
        _ = write!(text, ": {}", possible.join(", "));
    }
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        _ = write!(text, " (default {})", defaults.join(", "));
    }
    cell(&text)
}

/// Text as it may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// Paragraphs, the first with a full stop.
fn sentence(text: &str) -> String {
    match text.split_once("\n\n") {
        Some((first, rest)) => format!("{first}.\n\n{rest}"),
        None => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[derive(clap::Parser)]
    #[command(name = "prog")]
    enum Program {
        /// Do it
        ///
        /// As it should be done.
        #[command(visible_alias = "does")]
        Do(Args),
        #[command(hide = true)]
        Secret,
    }

    #[derive(clap::Args)]
    struct Args {
        /// What is done
        #[arg(required = true)]
        things: Vec<String>,
        /// How often
        #[arg(short, long, value_name = "N", default_value_t = 1)]
        times: u32,
        #[arg(long, hide = true)]
        never: bool,
    }

    #[test]
    fn a_reference_has_what_help_has() {
        let text = reference(&Program::command());
        let expected = "## do\n\nDo it.\n\nAs it should be done.\n\n    \
                        prog do [OPTIONS] THINGS...\n\nAlso `does`.\n\n\
                        | argument | |\n|---|---|\n| `THINGS` | What is done |\n\n\
                        | option | |\n|---|---|\n| `-t, --times N` | How often (default `1`) |\n";
        assert!(text.ends_with(expected), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
