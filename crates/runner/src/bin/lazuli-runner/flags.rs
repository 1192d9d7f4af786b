//! Flags as Juju's tools take them: before or after positionals, `--name
//! value`, `--name=value`, `-n value`, `-nvalue`, booleans alone or with
//! `=true`; `--` ends them, a lone `-` is a positional.

/// Whether a flag takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// It is true when given; `=false` makes it false.
    Nothing,
    /// It takes one.
    Value,
}

/// A flag that a tool has.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Its names without dashes; the first is how [`Parsed`] is asked.
    pub(crate) names: &'static [&'static str],
    /// Whether it takes a value.
    pub(crate) takes: Takes,
    /// What it does, for `--help`.
    pub(crate) help: &'static str,
}

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    values: Vec<(&'static str, String)>,
    /// Positional arguments in order.
    pub(crate) positionals: Vec<String>,
    /// Whether help was asked for.
    pub(crate) help: bool,
}

impl Parsed {
    /// The value of a flag; the last one wins.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values
            .iter()
            .rev()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a boolean flag is set.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.value(name) == Some("true")
    }

    /// The positional at an index.
    pub(crate) fn positional(&self, index: usize) -> Option<&str> {
        self.positionals.get(index).map(String::as_str)
    }
}

/// Parses arguments.
///
/// # Errors
/// The text that Juju's tools print, without `ERROR `.
pub(crate) fn parse<'a>(
    flags: impl Fn(&str) -> Option<&'a Flag>,
    args: &[String],
) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            parsed.positionals.extend(args.cloned());
            break;
        }
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            one(&flags, &mut parsed, name, value, &mut args)?;
        } else if let Some(short) = arg.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            shorts(&flags, &mut parsed, short, &mut args)?;
        } else {
            parsed.positionals.push(arg.clone());
        }
    }
    Ok(parsed)
}

/// Several short flags in one argument; one that takes a value takes the rest.
fn shorts<'a, 'b>(
    flags: &impl Fn(&str) -> Option<&'a Flag>,
    parsed: &mut Parsed,
    short: &str,
    args: &mut impl Iterator<Item = &'b String>,
) -> Result<(), String> {
    let mut rest = short;
    while let Some(c) = rest.chars().next() {
        let (name, after) = rest.split_at(c.len_utf8());
        let takes_value = flags(name).is_some_and(|flag| flag.takes == Takes::Value);
        if let Some(value) = after.strip_prefix('=') {
            return one(flags, parsed, name, Some(value), args);
        }
        if takes_value && !after.is_empty() {
            return one(flags, parsed, name, Some(after), args);
        }
        one(flags, parsed, name, None, args)?;
        rest = after;
    }
    Ok(())
}

fn one<'a, 'b>(
    flags: &impl Fn(&str) -> Option<&'a Flag>,
    parsed: &mut Parsed,
    name: &str,
    value: Option<&str>,
    args: &mut impl Iterator<Item = &'b String>,
) -> Result<(), String> {
    let shown = dashed(name);
    let Some(flag) = flags(name) else {
        if matches!(name, "help" | "h") {
            parsed.help = true;
            return Ok(());
        }
        return Err(format!("option provided but not defined: {shown}"));
    };
    let value = match (flag.takes, value) {
        (Takes::Nothing, None) => "true".to_owned(),
        (Takes::Nothing, Some(value)) => boolean(value)
            .ok_or_else(|| {
                format!(
                    "invalid value {value:?} for option {shown}: \
                     strconv.ParseBool: parsing {value:?}: invalid syntax"
                )
            })?
            .to_string(),
        (Takes::Value, Some(value)) => value.to_owned(),
        (Takes::Value, None) => args
            .next()
            .ok_or_else(|| format!("option needs an argument: {shown}"))?
            .clone(),
    };
    parsed
        .values
        .push((flag.names.first().copied().unwrap_or_default(), value));
    Ok(())
}

/// A flag's name with its dashes.
pub(crate) fn dashed(name: &str) -> String {
    if name.chars().count() == 1 {
        format!("-{name}")
    } else {
        format!("--{name}")
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FLAGS: [Flag; 3] = [
        Flag {
            names: &["relation", "r"],
            takes: Takes::Value,
            help: "",
        },
        Flag {
            names: &["app"],
            takes: Takes::Nothing,
            help: "",
        },
        Flag {
            names: &["all", "a"],
            takes: Takes::Nothing,
            help: "",
        },
    ];

    fn parse(args: &[&str]) -> Result<Parsed, String> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        super::parse(
            |name| FLAGS.iter().find(|flag| flag.names.contains(&name)),
            &args,
        )
    }

    #[test]
    fn flags_and_positionals_mix() {
        for args in [
            &["-r", "db:1", "-", "a/0", "--app"][..],
            &["--relation", "db:1", "--app", "-", "a/0"],
            &["-", "--relation=db:1", "a/0", "--app=True"],
            &["-rdb:1", "-", "--app=1", "--", "a/0"],
            &["-", "a/0", "-r=db:1", "--app=false", "--app"],
        ] {
            let parsed = parse(args).unwrap();
            assert_eq!(parsed.value("relation"), Some("db:1"), "{args:?}");
            assert!(parsed.is_set("app"), "{args:?}");
            assert_eq!(parsed.positionals, ["-", "a/0"], "{args:?}");
        }
    }

    #[test]
    fn booleans_may_be_false() {
        assert!(!parse(&["--app=False"]).unwrap().is_set("app"));
        assert!(parse(&["-a"]).unwrap().is_set("all"));
        assert!(parse(&["--", "-a"]).unwrap().positionals == ["-a"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (args, text) in [
            (&["--nope"][..], "option provided but not defined: --nope"),
            (&["-x"], "option provided but not defined: -x"),
            (&["-r"], "option needs an argument: -r"),
            (
                &["--app=maybe"],
                "invalid value \"maybe\" for option --app: \
                 strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ] {
            assert_eq!(parse(args).unwrap_err(), text);
        }
    }

    #[test]
    fn help_is_a_flag_of_all() {
        assert!(parse(&["--help"]).unwrap().help);
        assert!(parse(&["-h"]).unwrap().help);
    }
}
