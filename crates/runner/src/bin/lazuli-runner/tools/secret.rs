//! `secret-add`, `secret-set` and `secret-remove`.

use lazuli_runner::frames::{SecretFields, SecretWrite, Write};

use super::secret_data::{content, id};
use super::secret_read::managed;
use super::{Call, Done, Flag, Stop, Takes, Tool, ToolContext};
use crate::format::Doc;
use crate::format::Format;

const FIELDS: [Flag; 6] = [
    Flag {
        names: &["label"],
        takes: Takes::Value,
        help: "A label used to identify the secret in hooks",
    },
    Flag {
        names: &["description"],
        takes: Takes::Value,
        help: "The secret description",
    },
    Flag {
        names: &["expire"],
        takes: Takes::Value,
        help: "Either a duration or time when the secret should expire",
    },
    Flag {
        names: &["rotate"],
        takes: Takes::Value,
        help: "The secret rotation policy",
    },
    Flag {
        names: &["owner"],
        takes: Takes::Value,
        help: "The owner of the secret, either the application or unit",
    },
    Flag {
        names: &["file"],
        takes: Takes::Value,
        help: "A YAML file containing secret key values",
    },
];

/// Makes a secret when the hook succeeds, and prints its URI.
pub(super) static SECRET_ADD: Tool = Tool {
    name: "secret-add",
    args: "[key[#base64|#file]=value...]",
    purpose: "Add a new secret.",
    flags: &FIELDS,
    format: Some(Format::Smart),
    run: add,
};

/// Changes a secret when the hook succeeds.
pub(super) static SECRET_SET: Tool = Tool {
    name: "secret-set",
    args: "<ID> [key[#base64]=value...]",
    purpose: "Update an existing secret.",
    flags: &FIELDS,
    format: None,
    run: set,
};

/// Removes a secret or one revision when the hook succeeds.
pub(super) static SECRET_REMOVE: Tool = Tool {
    name: "secret-remove",
    args: "<ID>",
    purpose: "Remove an existing secret.",
    flags: &[Flag {
        names: &["revision"],
        takes: Takes::Value,
        help: "Remove the specified revision",
    }],
    format: None,
    run: remove,
};

fn add(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let has_file = call
        .parsed
        .value("file")
        .is_some_and(|file| !file.is_empty());
    if call.parsed.positionals.is_empty() && !has_file {
        return Err(Stop::Usage("missing secret value or filename".to_owned()));
    }
    let application = is_of_application(call)?;
    let mut fields = fields(call)?;
    fields.content = Some(content(ctx, call, 0)?);
    if application {
        lead(ctx)?;
    }
    let uri = format!("secret:{}", ctx.fresh);
    Ok(Done {
        output: Some(Doc::Str(uri)),
        ..Done::write(Write::Secret {
            write: SecretWrite::Add {
                id: ctx.fresh.to_owned(),
                application,
                fields,
            },
        })
    })
}

fn set(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let id = uri(call)?;
    is_of_application(call)?;
    let mut fields = fields(call)?;
    let content = content(ctx, call, 1)?;
    fields.content = Some(content).filter(|content| !content.0.is_empty());
    manage(ctx, &id)?;
    Ok(Done::write(Write::Secret {
        write: SecretWrite::Set { id, fields },
    }))
}

fn remove(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let id = uri(call)?;
    call.no_more_than(1)?;
    let revision = match call.parsed.value("revision") {
        None => None,
        Some(text) => Some(text.parse::<u32>().map_err(|_| {
            Stop::Usage(format!(
                "invalid value {text:?} for flag --revision: strconv.ParseInt: parsing {text:?}: \
                 invalid syntax"
            ))
        })?),
    };
    manage(ctx, &id)?;
    Ok(Done::write(Write::Secret {
        write: SecretWrite::Remove {
            id,
            revision: revision.filter(|revision| *revision > 0),
        },
    }))
}

/// The id in the first positional.
pub(super) fn uri(call: &Call) -> Result<String, Stop> {
    let text = call.parsed.positional(0);
    id(text.ok_or_else(|| Stop::Usage("missing secret URI".to_owned()))?)
}

/// Refuses secrets that are not the unit's to change.
pub(super) fn manage(ctx: &ToolContext<'_>, id: &str) -> Result<(), Stop> {
    let info = managed(ctx)
        .into_iter()
        .find(|info| info.id == id)
        .ok_or_else(|| Stop::Failed(format!("secret {id:?} not found")))?;
    if info.application { lead(ctx) } else { Ok(()) }
}

fn lead(ctx: &ToolContext<'_>) -> Result<(), Stop> {
    if ctx.is_leader("cannot determine leadership status")? {
        Ok(())
    } else {
        Err(Stop::Failed("this unit is not the leader".to_owned()))
    }
}

fn is_of_application(call: &Call) -> Result<bool, Stop> {
    match call.parsed.value("owner") {
        None | Some("application") => Ok(true),
        Some("unit") => Ok(false),
        Some(owner) => Err(Stop::Usage(format!("secret owner {owner:?} not valid"))),
    }
}

fn fields(call: &Call) -> Result<SecretFields, Stop> {
    const POLICIES: [&str; 7] = [
        "never",
        "hourly",
        "daily",
        "weekly",
        "monthly",
        "quarterly",
        "yearly",
    ];
    let value = |name: &str| call.parsed.value(name).map(str::to_owned);
    let rotate = value("rotate").filter(|policy| !policy.is_empty());
    if let Some(policy) = rotate
        .as_deref()
        .filter(|policy| !POLICIES.contains(policy))
    {
        return Err(Stop::Usage(format!("rotate policy {policy:?} not valid")));
    }
    let expire = value("expire").filter(|text| !text.is_empty());
    if let Some(text) = expire
        .as_deref()
        .filter(|text| !is_time(text) && !is_duration(text))
    {
        return Err(Stop::Usage(format!(
            "expire time or duration {text:?} not valid"
        )));
    }
    Ok(SecretFields {
        label: value("label"),
        description: value("description"),
        rotate,
        expire,
        content: None,
    })
}

/// Of the form `2006-01-02T15:04:05`, with or without fraction and zone; the
/// controller reads it.
fn is_time(text: &str) -> bool {
    let (date, rest) = text.split_at_checked(19).unwrap_or((text, ""));
    let shape = date
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let signed = zone.strip_prefix(['+', '-']).is_some_and(|zone| {
        zone.len() == 5
            && zone
                .bytes()
                .enumerate()
                .all(|(n, byte)| (n == 2) == (byte == b':'))
    });
    shape.eq(*b"0000-00-00T00:00:00") && (zone.is_empty() || zone == "Z" || signed)
}

/// Of the form of Go's durations, such as `1h30m`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let unit = ["ms", "s", "m", "h"]
            .into_iter()
            .find(|unit| after.starts_with(unit));
        let Some(unit) = unit.filter(|_| digits.parse::<f64>().is_ok()) else {
            return false;
        };
        rest = &after[unit.len()..];
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lazuli_runner::frames::{SecretContent, SecretFields, SecretInfo, SecretWrite, Write};

    use super::{is_duration, is_time};
    use crate::tools::testing::{FRESH, Fixture};
    use crate::tools::{Input, Leadership, Step};

    fn content(pairs: &[(&str, &str)]) -> Option<SecretContent> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Some(SecretContent(pairs.collect()))
    }

    fn with_secret(mut fixture: Fixture, application: bool) -> Fixture {
        fixture.context.secrets = vec![SecretInfo {
            id: FRESH.to_owned(),
            revision: 2,
            label: "db".to_owned(),
            application,
            ..SecretInfo::default()
        }];
        fixture
    }

    /// Reference charms, 28: secrets are added with values, base64 and files.
    #[test]
    fn a_secret_is_added_and_its_uri_printed() {
        let mut fixture = Fixture::new("a/0").leader();
        fixture.files = [(
            "/tmp/v".to_owned(),
            Input {
                text: Ok("from a file\n".to_owned()),
            },
        )]
        .into();
        let answer = fixture.answer(&[
            "secret-add",
            "--label=db",
            "--rotate",
            "hourly",
            "--expire=1h30m",
            "--description",
            "d",
            "token=hunter2",
            "other#base64=aHVudGVyMg==",
            "third#file=/tmp/v",
        ]);
        assert_eq!(
            (answer.code, answer.stdout.as_str()),
            (0, "secret:9m4e2mr0ui3e8a215n4g\n")
        );
        assert_eq!(
            answer.writes,
            [Write::Secret {
                write: SecretWrite::Add {
                    id: FRESH.to_owned(),
                    application: true,
                    fields: SecretFields {
                        label: Some("db".to_owned()),
                        description: Some("d".to_owned()),
                        rotate: Some("hourly".to_owned()),
                        expire: Some("1h30m".to_owned()),
                        content: content(&[
                            ("token", "aHVudGVyMg=="),
                            ("other", "aHVudGVyMg=="),
                            ("third", "ZnJvbSBhIGZpbGUK"),
                        ]),
                    },
                }
            }]
        );
        fixture.files.clear();
        assert_eq!(
            fixture.step(&["secret-add", "third#file=/tmp/v"]),
            Step::Need(Some("/tmp/v".to_owned()))
        );
    }

    #[test]
    fn what_is_wrong_with_a_new_secret_is_said() {
        let fixture = Fixture::new("a/1");
        for (line, code, text) in [
            ("secret-add", 2, "missing secret value or filename"),
            ("secret-add foo", 2, "key value \"foo\" not valid"),
            ("secret-add ab=x", 2, "key \"ab\" not valid"),
            (
                "secret-add --owner=me abc=x",
                2,
                "secret owner \"me\" not valid",
            ),
            (
                "secret-add --rotate=soon abc=x",
                2,
                "rotate policy \"soon\" not valid",
            ),
            (
                "secret-add --expire=soon abc=x",
                2,
                "expire time or duration \"soon\" not valid",
            ),
            ("secret-add abc=x", 1, "this unit is not the leader"),
        ] {
            fixture.fails(line, code, text);
        }
        let long = format!("abc={}", "x".repeat(750_001));
        fixture.fails_args(
            &["secret-add", "--owner=unit", &long],
            1,
            "secret content for key \"abc\" too large: 1000004 bytes",
        );
        let answer = fixture.answer(&["secret-add", "--owner=unit", "abc=x"]);
        assert_eq!(answer.code, 0);
    }

    #[test]
    fn a_secret_is_changed_by_who_manages_it() {
        let mut fixture = with_secret(Fixture::new("a/0").leader(), true);
        let uri = format!("secret:{FRESH}");
        assert_eq!(
            fixture.writes(&["secret-set", &uri, "--label", "new"]),
            [Write::Secret {
                write: SecretWrite::Set {
                    id: FRESH.to_owned(),
                    fields: SecretFields {
                        label: Some("new".to_owned()),
                        ..SecretFields::default()
                    },
                }
            }]
        );
        assert_eq!(
            fixture.writes(&["secret-remove", &uri, "--revision=1"]),
            [Write::Secret {
                write: SecretWrite::Remove {
                    id: FRESH.to_owned(),
                    revision: Some(1),
                }
            }]
        );
        fixture.leadership = Leadership::None;
        fixture.fails_args(
            &["secret-set", &uri, "abc=x"],
            1,
            "this unit is not the leader",
        );
        fixture.leadership = Leadership::Granted(Duration::from_secs(60));
        fixture.fails(
            "secret-set 9m4e2mr0ui3e8a215n40 abc=x",
            1,
            "secret \"9m4e2mr0ui3e8a215n40\" not found",
        );
        fixture.fails("secret-set", 2, "missing secret URI");
        fixture.fails("secret-remove", 2, "missing secret URI");
        fixture.fails("secret-remove foo", 2, "secret URI \"foo\" not valid");
    }

    #[test]
    fn times_and_durations_are_gos() {
        for text in [
            "2026-01-02T15:04:05",
            "2026-01-02T15:04:05Z",
            "2026-01-02T15:04:05.123456+02:00",
        ] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "2026-01-02",
            "tomorrow",
            "2026-01-02 15:04:05",
            "2026-01-02T15:04:05x",
        ] {
            assert!(!is_time(text), "{text}");
        }
        for text in ["1h", "1h30m", "1.5h", "90s", "10ms"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "1", "h", "1d", "1h-"] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
