//! `secret-get`, `secret-info-get` and `secret-ids`.

use std::collections::BTreeMap;

use lazuli_runner::frames::{
    Answer, Question, SecretContent, SecretFields, SecretInfo, SecretWrite,
};

use super::secret_data::{decoded, id};
use super::{Call, Done, Flag, Format, Stop, Takes, Tool, ToolContext};
use crate::format::Doc;

const LABEL: Flag = Flag {
    names: &["label"],
    takes: Takes::Value,
    help: "A label used to identify the secret in hooks",
};

/// Prints what a secret says.
pub(super) static SECRET_GET: Tool = Tool {
    name: "secret-get",
    args: "<ID> [key[#base64]]",
    purpose: "Get the content of a secret.",
    flags: &[
        LABEL,
        Flag {
            names: &["peek"],
            takes: Takes::Nothing,
            help: "Get the latest revision just this time",
        },
        Flag {
            names: &["refresh"],
            takes: Takes::Nothing,
            help: "Get the latest revision and also get this same revision for subsequent calls",
        },
    ],
    format: Some(Format::Yaml),
    run: get,
};

/// Prints what the owner knows of a secret.
pub(super) static SECRET_INFO_GET: Tool = Tool {
    name: "secret-info-get",
    args: "<ID>",
    purpose: "Get a secret's metadata info.",
    flags: &[LABEL],
    format: Some(Format::Yaml),
    run: info,
};

/// Lists the secrets that the unit manages.
pub(super) static SECRET_IDS: Tool = Tool {
    name: "secret-ids",
    args: "",
    purpose: "Print secret IDs.",
    flags: &[],
    format: Some(Format::Smart),
    run: ids,
};

fn get(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let label = call.parsed.value("label").filter(|label| !label.is_empty());
    let first = call.parsed.positional(0);
    let (secret, key) = match first.map(id) {
        Some(Ok(id)) => (Some(id), call.parsed.positional(1)),
        // With a label the key may come alone.
        Some(Err(_)) if label.is_some() => (None, first),
        Some(Err(stop)) => return Err(stop),
        None => (None, None),
    };
    call.no_more_than(if secret.is_some() { 2 } else { 1 })?;
    if secret.is_none() && label.is_none() {
        return Err(Stop::Usage(
            "require either a secret URI or label".to_owned(),
        ));
    }
    let (refresh, peek) = (call.parsed.is_set("refresh"), call.parsed.is_set("peek"));
    if refresh && peek {
        return Err(Stop::Usage(
            "specify one of --peek or --refresh but not both".to_owned(),
        ));
    }
    let content = match pending(ctx, secret.as_deref(), label, refresh || peek) {
        Some(content) => content,
        None => {
            let question = Question::Secret {
                id: secret,
                label: label.map(str::to_owned),
                refresh,
                peek,
            };
            match ctx.ask(&question)? {
                Answer::Secret { content } => content,
                _ => return Err(Stop::Failed("unexpected answer".to_owned())),
            }
        }
    };
    let Some(key) = key else {
        let plain = content
            .0
            .iter()
            .map(|(key, value)| (key.clone(), Doc::Str(decoded(value))));
        return Ok(Done::print(Doc::Map(plain.collect())));
    };
    let (key, encoded) = key
        .strip_suffix("#base64")
        .map_or((key, false), |key| (key, true));
    let value = content
        .0
        .get(key)
        .ok_or_else(|| Stop::Failed(format!("secret key value {key:?} not found")))?;
    let value = if encoded {
        value.clone()
    } else {
        decoded(value)
    };
    Ok(Done::print(Doc::Str(value)))
}

/// What the hook itself wrote: a secret it made always, a revision only when
/// the newest is asked for.
fn pending<'a>(
    ctx: &ToolContext<'a>,
    id: Option<&str>,
    label: Option<&str>,
    newest: bool,
) -> Option<&'a SecretContent> {
    let writes = ctx.session.secrets();
    let named = managed(ctx).into_iter().find(|info| match id {
        Some(id) => info.id == id,
        None => label == Some(info.label.as_str()),
    })?;
    let made = writes
        .iter()
        .any(|write| matches!(write, SecretWrite::Add { id, .. } if *id == named.id));
    writes
        .iter()
        .rev()
        .filter(|write| write.id() == named.id && (made || newest))
        .find_map(|write| write.fields()?.content.as_ref())
}

/// The secrets that the unit manages, with what the hook wrote.
pub(super) fn managed(ctx: &ToolContext<'_>) -> Vec<SecretInfo> {
    let mut known: BTreeMap<String, SecretInfo> = ctx
        .base
        .secrets
        .iter()
        .map(|info| (info.id.clone(), info.clone()))
        .collect();
    for write in ctx.session.secrets() {
        match write {
            SecretWrite::Add {
                id,
                application,
                fields,
            } => {
                let mut info = SecretInfo {
                    id: id.clone(),
                    application: *application,
                    ..SecretInfo::default()
                };
                change(&mut info, fields);
                known.insert(id.clone(), info);
            }
            SecretWrite::Set { id, fields } => {
                if let Some(info) = known.get_mut(id) {
                    change(info, fields);
                }
            }
            SecretWrite::Remove { id, revision: None } => drop(known.remove(id)),
            SecretWrite::Remove { .. } | SecretWrite::Grant { .. } | SecretWrite::Revoke { .. } => {
            }
        }
    }
    known.into_values().collect()
}

fn change(info: &mut SecretInfo, fields: &SecretFields) {
    if fields.content.is_some() {
        info.revision += 1;
    }
    for (field, new) in [
        (&mut info.label, &fields.label),
        (&mut info.description, &fields.description),
        (&mut info.rotation, &fields.rotate),
    ] {
        if let Some(new) = new {
            field.clone_from(new);
        }
    }
}

fn info(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(1)?;
    let label = call.parsed.value("label").filter(|label| !label.is_empty());
    let (info, name) = match (call.parsed.positional(0), label) {
        (None, None) => {
            return Err(Stop::Usage(
                "require either a secret URI or label".to_owned(),
            ));
        }
        (Some(_), Some(_)) => {
            return Err(Stop::Usage(
                "specify either a secret URI or label but not both".to_owned(),
            ));
        }
        (Some(text), None) => {
            let id = id(text)?;
            (managed(ctx).into_iter().find(|info| info.id == id), id)
        }
        (None, Some(label)) => (
            managed(ctx).into_iter().find(|info| info.label == label),
            label.to_owned(),
        ),
    };
    let info = info.ok_or_else(|| Stop::Failed(format!("secret {name:?} not found")))?;
    Ok(Done::print(Doc::Map(
        [(info.id.clone(), document(&info))].into(),
    )))
}

fn document(info: &SecretInfo) -> Doc {
    let owner = if info.application {
        "application"
    } else {
        "unit"
    };
    let mut fields = vec![
        ("revision", Doc::Int(info.revision.into())),
        ("label", Doc::text(&info.label)),
        ("owner", Doc::text(owner)),
    ];
    let rotation = Some(&info.rotation).filter(|policy| *policy != "never");
    for (name, text) in [
        ("description", Some(&info.description)),
        ("rotation", rotation),
        ("expiry", Some(&info.expiry)),
        ("rotates", Some(&info.rotates)),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            fields.push((name, Doc::text(text)));
        }
    }
    if !info.access.is_empty() {
        let access = info.access.iter().map(|access| {
            Doc::Record(vec![
                ("target", Doc::text(&access.target)),
                ("scope", Doc::text(&access.scope)),
                ("role", Doc::text(&access.role)),
            ])
        });
        fields.push(("access", Doc::List(access.collect())));
    }
    Doc::Record(fields)
}

/// None at all is null, as in Juju.
fn ids(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(0)?;
    let ids: Vec<_> = managed(ctx).into_iter().map(|info| info.id).collect();
    Ok(Done::print(if ids.is_empty() {
        Doc::Null
    } else {
        Doc::texts(ids)
    }))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{Answer, Question, SecretAccess, SecretContent, SecretInfo};

    use crate::tools::testing::{FRESH, Fixture};

    fn ask(id: Option<&str>, label: Option<&str>, refresh: bool, peek: bool) -> Question {
        Question::Secret {
            id: id.map(str::to_owned),
            label: label.map(str::to_owned),
            refresh,
            peek,
        }
    }

    fn says(pairs: &[(&str, &str)]) -> Answer {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Answer::Secret {
            content: SecretContent(pairs.collect()),
        }
    }

    /// Reference charms, 28: secret-get prints maps, keys and base64.
    #[test]
    fn a_secret_is_printed_whole_or_by_key() {
        let mut fixture = Fixture::new("b/0");
        let line = format!("secret-get secret:{FRESH}");
        let question = ask(Some(FRESH), None, false, false);
        fixture.asks(&line, &question);
        fixture.answered(
            question,
            Ok(says(&[("token", "aHVudGVyMg=="), ("user", "cm9vdA==")])),
        );
        fixture.prints(&line, "token: hunter2\nuser: root\n");
        fixture.prints(
            &format!("{line} --format=json"),
            "{\"token\":\"hunter2\",\"user\":\"root\"}\n",
        );
        fixture.prints(&format!("{line} token"), "hunter2\n");
        fixture.prints(&format!("{line} token#base64"), "aHVudGVyMg==\n");
        fixture.fails(
            &format!("{line} none"),
            1,
            "secret key value \"none\" not found",
        );
        // Another way of reading forgets what was read.
        fixture.asks(
            &format!("{line} --refresh"),
            &ask(Some(FRESH), None, true, false),
        );
        let refresh = ask(Some(FRESH), None, true, false);
        fixture.answered(refresh, Ok(says(&[("token", "bmV3")])));
        fixture.asks(&line, &ask(Some(FRESH), None, false, false));
    }

    #[test]
    fn labels_and_refusals_are_jujus() {
        let mut fixture = Fixture::new("b/0");
        fixture.asks(
            "secret-get --label=db",
            &ask(None, Some("db"), false, false),
        );
        fixture.asks(
            &format!("secret-get --label=db {FRESH} --peek"),
            &ask(Some(FRESH), Some("db"), false, true),
        );
        for (line, text) in [
            ("secret-get", "require either a secret URI or label"),
            ("secret-get foo", "secret URI \"foo\" not valid"),
            (
                "secret-get 9m4e2mr0ui3e8a215n4g --peek --refresh",
                "specify one of --peek or --refresh but not both",
            ),
            ("secret-info-get", "require either a secret URI or label"),
            (
                "secret-info-get 9m4e2mr0ui3e8a215n4g --label x",
                "specify either a secret URI or label but not both",
            ),
        ] {
            fixture.fails(line, 2, text);
        }
        let question = ask(Some(FRESH), None, false, false);
        for text in [
            "permission denied",
            "secret \"9m4e2mr0ui3e8a215n4g\" not found",
        ] {
            fixture.answered(question.clone(), Err(text));
            fixture.fails(&format!("secret-get {FRESH}"), 1, text);
        }
        fixture.fails("secret-info-get --label x", 1, "secret \"x\" not found");
    }

    /// Reference charms, 28: null when there are none, and info by id.
    #[test]
    fn the_owner_lists_what_it_has() {
        let mut fixture = Fixture::new("a/0");
        fixture.prints("secret-ids --format=json", "null\n");
        fixture.prints("secret-ids", "");
        fixture.context.secrets = vec![SecretInfo {
            id: FRESH.to_owned(),
            revision: 3,
            label: "db".to_owned(),
            rotation: "daily".to_owned(),
            rotates: "2026-01-02T15:04:05Z".to_owned(),
            access: vec![SecretAccess {
                target: "application-b".to_owned(),
                scope: "relation-a.db#b.db".to_owned(),
                role: "view".to_owned(),
            }],
            ..SecretInfo::default()
        }];
        fixture.prints("secret-ids", &format!("{FRESH}\n"));
        fixture.prints(
            "secret-info-get --label db --format=json",
            "{\"9m4e2mr0ui3e8a215n4g\":{\"revision\":3,\"label\":\"db\",\"owner\":\"unit\",\
             \"rotation\":\"daily\",\"rotates\":\"2026-01-02T15:04:05Z\",\"access\":[{\"target\":\
             \"application-b\",\"scope\":\"relation-a.db#b.db\",\"role\":\"view\"}]}}\n",
        );
    }

    #[test]
    fn a_hook_sees_what_it_wrote() {
        let mut fixture = Fixture::new("a/0");
        let uri = format!("secret:{FRESH}");
        fixture.writes(&["secret-add", "--owner=unit", "--label=new", "abc=one"]);
        fixture.prints("secret-get --label=new", "abc: one\n");
        fixture.prints("secret-ids", &format!("{FRESH}\n"));
        fixture.writes(&["secret-set", &uri, "abc=two"]);
        fixture.prints(&format!("secret-get {uri} abc"), "two\n");
        fixture.writes(&["secret-remove", &uri]);
        fixture.prints("secret-ids", "");
        // What was there before shows its new revision to who asks for it.
        let mut fixture = Fixture::new("a/0");
        fixture.context.secrets = vec![SecretInfo {
            id: FRESH.to_owned(),
            revision: 1,
            ..SecretInfo::default()
        }];
        fixture.writes(&["secret-set", &uri, "abc=two"]);
        fixture.asks(
            &format!("secret-get {uri}"),
            &ask(Some(FRESH), None, false, false),
        );
        fixture.prints(&format!("secret-get {uri} --peek abc"), "two\n");
    }
}
