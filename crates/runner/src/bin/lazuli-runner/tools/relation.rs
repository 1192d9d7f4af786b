//! `relation-ids`, `relation-list` and `relation-model-get`.

use super::{Call, Done, Flag, Format, Stop, Takes, Tool, ToolContext};
use crate::format::Doc;

/// How a relation is named.
pub(super) const RELATION_FLAG: Flag = Flag {
    names: &["relation", "r"],
    takes: Takes::Value,
    help: "Specify a relation by id",
};

/// Lists the relations of an endpoint.
pub(super) static RELATION_IDS: Tool = Tool {
    name: "relation-ids",
    args: "<name>",
    purpose: "List all relation IDs for the given endpoint.",
    flags: &[],
    format: Some(Format::Smart),
    run: ids,
};

/// Lists the units at the other end of a relation.
pub(super) static RELATION_LIST: Tool = Tool {
    name: "relation-list",
    args: "",
    purpose: "List relation units.",
    flags: &[
        RELATION_FLAG,
        Flag {
            names: &["app"],
            takes: Takes::Nothing,
            help: "List remote application instead of participating units",
        },
    ],
    format: Some(Format::Smart),
    run: list,
};

/// Prints the model at the other end of a relation.
pub(super) static RELATION_MODEL_GET: Tool = Tool {
    name: "relation-model-get",
    args: "",
    purpose: "Get details about the model hosting a related application.",
    flags: &[RELATION_FLAG],
    format: Some(Format::Smart),
    run: model,
};

fn ids(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let own = ctx
        .base
        .relation
        .as_ref()
        .and_then(|hook| ctx.base.relations.iter().find(|known| known.id == hook.id))
        .map(|relation| relation.endpoint.as_str());
    let Some(endpoint) = call.parsed.positional(0).or(own) else {
        return Err(Stop::Usage("no endpoint name specified".to_owned()));
    };
    call.no_more_than(1)?;
    let mut ids: Vec<String> = ctx
        .base
        .relations
        .iter()
        .filter(|relation| relation.endpoint == endpoint)
        .map(|relation| format!("{endpoint}:{}", relation.id))
        .collect();
    ids.sort();
    Ok(Done::print(Doc::texts(ids)))
}

fn list(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let relation = ctx.relation(call.parsed.value("relation"))?;
    call.no_more_than(0)?;
    Ok(Done::print(if call.parsed.is_set("app") {
        Doc::text(&relation.remote_app)
    } else {
        Doc::texts(&relation.members)
    }))
}

fn model(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let relation = ctx.relation(call.parsed.value("relation"))?;
    call.no_more_than(0)?;
    let uuid = if relation.model_uuid.is_empty() {
        &ctx.base.model_uuid
    } else {
        &relation.model_uuid
    };
    Ok(Done::print(Doc::Record(vec![("uuid", Doc::text(uuid))])))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::RelationContext;

    use crate::tools::testing::Fixture;

    #[test]
    fn ids_are_sorted_as_texts() {
        let mut fixture = Fixture::new("a/0").in_relation_hook();
        fixture
            .context
            .relations
            .extend([2, 10].map(|id| RelationContext {
                id,
                endpoint: "db".to_owned(),
                ..RelationContext::default()
            }));
        fixture.prints("relation-ids", "db:1\ndb:10\ndb:2\n");
        fixture.prints("relation-ids db", "db:1\ndb:10\ndb:2\n");
        fixture.prints(
            "relation-ids db --format=json",
            "[\"db:1\",\"db:10\",\"db:2\"]\n",
        );
        fixture.prints("relation-ids web", "");
        fixture.prints("relation-ids web --format=json", "[]\n");
        let fixture = Fixture::new("a/0").related();
        fixture.fails("relation-ids", 2, "no endpoint name specified");
        fixture.fails("relation-ids a b", 2, "unrecognized args: [\"b\"]");
    }

    #[test]
    fn members_are_listed() {
        let mut fixture = Fixture::new("a/0").in_relation_hook();
        fixture.prints("relation-list", "b/0\nb/1\n");
        fixture.prints("relation-list --format=json -r db:1", "[\"b/0\",\"b/1\"]\n");
        fixture.prints("relation-list --app", "b\n");
        fixture.prints("relation-list --format=json --app -r 1", "\"b\"\n");
        fixture.context.relations[0].members.clear();
        fixture.prints("relation-list --format=json", "[]\n");
        fixture.prints("relation-list", "");
        fixture.prints("relation-model-get", "uuid: uuid-2\n");
        fixture.prints(
            "relation-model-get --format=json -r db:1",
            "{\"uuid\":\"uuid-2\"}\n",
        );
    }

    #[test]
    fn relations_must_exist() {
        let fixture = Fixture::new("a/0").related();
        for (args, text) in [
            ("", "no relation id specified"),
            (
                "-r db:9",
                "invalid value \"db:9\" for option -r: relation not found",
            ),
            (
                "-r db",
                "invalid value \"db\" for option -r: invalid relation id",
            ),
            (
                "--relation=",
                "invalid value \"\" for option -r: invalid relation id",
            ),
            ("-r 1 x", "unrecognized args: [\"x\"]"),
        ] {
            fixture.fails(&format!("relation-list {args}"), 2, text);
            fixture.fails(&format!("relation-model-get {args}"), 2, text);
        }
    }
}
