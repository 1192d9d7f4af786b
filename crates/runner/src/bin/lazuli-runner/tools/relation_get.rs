//! `relation-get`.

use lazuli_runner::frames::{Answer, Question, RelationContext, Settings};

use super::context::application_of;
use super::relation::RELATION_FLAG;
use super::{Call, Done, Flag, Format, Stop, Takes, Tool, ToolContext};
use crate::format::Doc;
use crate::paths::{is_application, is_unit};

/// Prints settings in a relation.
pub(super) static RELATION_GET: Tool = Tool {
    name: "relation-get",
    args: "<key> <unit id>",
    purpose: "Get relation settings.",
    flags: &[
        RELATION_FLAG,
        Flag {
            names: &["app"],
            takes: Takes::Nothing,
            help: "Get the relation data for the overall application, not just a unit",
        },
    ],
    format: Some(Format::Smart),
    run,
};

fn run(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let relation = ctx.relation(call.parsed.value("relation"))?;
    let key = call.parsed.positional(0).filter(|key| *key != "-");
    call.no_more_than(2)?;
    let member = member(ctx, call, relation)?;
    let settings = settings(ctx, relation, &member)?;
    Ok(Done::print(match key {
        None | Some("") => Doc::settings(&settings),
        Some(key) => settings.get(key).map_or(Doc::Null, Doc::text),
    }))
}

/// Whose settings: a unit's name or an application's.
fn member(ctx: &ToolContext<'_>, call: &Call, relation: &RelationContext) -> Result<String, Stop> {
    let app = call.parsed.is_set("app");
    if let Some(named) = call.parsed.positional(1).filter(|name| !name.is_empty()) {
        return match (app, is_unit(named), is_application(named)) {
            (true, true, _) => Ok(application_of(named).to_owned()),
            (true, false, true) | (false, true, _) => Ok(named.to_owned()),
            (false, false, true) => Err(Stop::Usage(format!(
                "expected unit name, got application name {named:?}"
            ))),
            (_, false, false) => Err(Stop::Usage(format!("invalid unit name {named:?}"))),
        };
    }
    // Without a name it is whom the hook is about, if it is about this
    // relation; without a remote unit it is the remote application.
    let missing = || Stop::Usage("no unit or application specified".to_owned());
    let hook = ctx
        .base
        .relation
        .as_ref()
        .filter(|hook| hook.id == relation.id)
        .ok_or_else(missing)?;
    if !app && !hook.remote_unit.is_empty() {
        return Ok(hook.remote_unit.clone());
    }
    if hook.remote_app.is_empty() {
        return Err(missing());
    }
    Ok(hook.remote_app.clone())
}

fn settings(
    ctx: &ToolContext<'_>,
    relation: &RelationContext,
    member: &str,
) -> Result<Settings, Stop> {
    if member == ctx.unit {
        return Ok(ctx.own_settings(relation, false));
    }
    if member == ctx.application() {
        if !relation.peer && !ctx.is_leader("cannot determine leadership status")? {
            return Err(Stop::Failed("permission denied".to_owned()));
        }
        return Ok(ctx.own_settings(relation, true));
    }
    if member == relation.remote_app {
        return Ok(relation.remote_app_settings.clone());
    }
    if let Some(hook) = &ctx.base.relation
        && hook.id == relation.id
        && hook.remote_unit == member
    {
        return Ok(hook.settings.clone());
    }
    let question = Question::RelationSettings {
        relation: relation.id,
        member: member.to_owned(),
    };
    match ctx.ask(&question)? {
        Answer::Settings { settings } => Ok(settings.clone()),
        Answer::Leader { .. }
        | Answer::Secret { .. }
        | Answer::Resource { .. }
        | Answer::Document { .. } => Err(Stop::Failed(format!(
            "cannot read settings of {member:?}: unexpected answer"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{Answer, Question};

    use crate::tools::testing::Fixture;

    #[test]
    fn the_remote_unit_is_the_default() {
        let fixture = Fixture::new("a/0").in_relation_hook();
        for (args, stdout) in [
            ("", "host: h\nport: \"80\"\n"),
            ("-", "host: h\nport: \"80\"\n"),
            ("host", "h\n"),
            ("host b/0", "h\n"),
            ("missing", ""),
            ("missing --format=json", "null\n"),
            (
                "--format=json -r db:1 - b/0",
                "{\"host\":\"h\",\"port\":\"80\"}\n",
            ),
            ("-r db:1 - b --app --format=json", "{\"remote\":\"app\"}\n"),
            ("--app remote", "app\n"),
            ("--app remote b/0", "app\n"),
            ("--app remote b/7", "app\n"),
        ] {
            fixture.prints(&format!("relation-get {args}"), stdout);
        }
    }

    #[test]
    fn without_a_remote_unit_it_is_the_application() {
        let mut fixture = Fixture::new("a/0").in_relation_hook();
        fixture
            .context
            .relation
            .as_mut()
            .unwrap()
            .remote_unit
            .clear();
        fixture.prints("relation-get remote", "app\n");
        fixture.prints("relation-get --format=json", "{\"remote\":\"app\"}\n");
    }

    #[test]
    fn own_writes_show() {
        let mut fixture = Fixture::new("a/0").in_relation_hook().leader();
        fixture.prints("relation-get - a/0", "private-address: 10.0.0.5\n");
        fixture.writes(&["relation-set", "x=1", "private-address="]);
        fixture.writes(&["relation-set", "--app", "app=new"]);
        fixture.prints("relation-get - a/0", "x: \"1\"\n");
        fixture.prints("relation-get --app app a/0", "new\n");
        fixture.prints("relation-get --app app a", "new\n");
    }

    #[test]
    fn followers_read_own_application_settings_of_peers_only() {
        let mut fixture = Fixture::new("a/1").in_relation_hook();
        fixture.fails("relation-get --app - a", 1, "permission denied");
        fixture.context.relations[0].peer = true;
        fixture.prints("relation-get --app - a", "app: own\n");
    }

    #[test]
    fn others_are_asked_for() {
        let mut fixture = Fixture::new("a/0").related();
        let question = Question::RelationSettings {
            relation: 1,
            member: "b/1".to_owned(),
        };
        fixture.asks("relation-get -r 1 host b/1", &question);
        let settings = [("host".to_owned(), "h1".to_owned())].into();
        fixture.answered(question, Ok(Answer::Settings { settings }));
        fixture.prints("relation-get -r 1 host b/1", "h1\n");
        let departed = Question::RelationSettings {
            relation: 1,
            member: "c/0".to_owned(),
        };
        fixture.asks("relation-get -r 1 - c/0", &departed);
        fixture.answered(departed, Err("permission denied"));
        fixture.fails("relation-get -r 1 - c/0", 1, "permission denied");
    }

    #[test]
    fn answers_are_kept_within_bounds() {
        let mut fixture = Fixture::new("a/0").related();
        let question = |n: u64| Question::RelationSettings {
            relation: 1,
            member: format!("b/{n}"),
        };
        for n in 0..4 {
            let settings = [("k".to_owned(), "x".repeat(3 << 20))].into();
            fixture.answered(question(n), Ok(Answer::Settings { settings }));
        }
        fixture.asks("relation-get -r 1 k b/0", &question(0));
        assert_eq!(
            fixture
                .answer(&["relation-get", "-r", "1", "k", "b/3"])
                .code,
            0
        );
    }

    #[test]
    fn wrong_arguments() {
        let fixture = Fixture::new("a/0").related();
        for (args, text) in [
            ("", "no relation id specified"),
            ("-r 1", "no unit or application specified"),
            ("-r 1 --app", "no unit or application specified"),
            ("-r 1 - b", "expected unit name, got application name \"b\""),
            ("-r 1 - B_0", "invalid unit name \"B_0\""),
            ("-r 1 --app - B_0", "invalid unit name \"B_0\""),
            (
                "-r db:2 - b/0",
                "invalid value \"db:2\" for option -r: relation not found",
            ),
            ("-r 1 - b/0 x", "unrecognized args: [\"x\"]"),
        ] {
            fixture.fails(&format!("relation-get {args}"), 2, text);
        }
    }
}
