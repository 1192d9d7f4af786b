//! `secret-grant` and `secret-revoke`.

use lazuli_runner::frames::{SecretWrite, Write};

use super::context::application_of;
use super::relation::RELATION_FLAG;
use super::secret::{manage, uri};
use super::{Call, Done, Flag, Stop, Takes, Tool, ToolContext};

/// Lets the other end of a relation read a secret when the hook succeeds.
pub(super) static SECRET_GRANT: Tool = Tool {
    name: "secret-grant",
    args: "<ID>",
    purpose: "Grant access to a secret.",
    flags: &[
        RELATION_FLAG,
        Flag {
            names: &["unit"],
            takes: Takes::Value,
            help: "The unit to grant access",
        },
    ],
    format: None,
    run: grant,
};

/// Takes that back when the hook succeeds.
pub(super) static SECRET_REVOKE: Tool = Tool {
    name: "secret-revoke",
    args: "<ID>",
    purpose: "Revoke access to a secret.",
    flags: &[
        RELATION_FLAG,
        Flag {
            names: &["app", "application"],
            takes: Takes::Value,
            help: "The application to revoke access",
        },
        Flag {
            names: &["unit"],
            takes: Takes::Value,
            help: "The unit to revoke access",
        },
    ],
    format: None,
    run: revoke,
};

fn grant(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let id = uri(call)?;
    call.no_more_than(1)?;
    let named = value(call, "relation");
    if named.is_none() && ctx.base.relation.is_none() {
        return Err(Stop::Usage("missing relation id".to_owned()));
    }
    let relation = ctx.relation(named)?;
    let unit = value(call, "unit");
    if let Some(unit) = unit.filter(|unit| application_of(unit) != relation.remote_app) {
        return Err(Stop::Usage(format!(
            "cannot specify unit {unit:?} in relation to application {:?}",
            relation.remote_app
        )));
    }
    manage(ctx, &id)?;
    Ok(Done::write(Write::Secret {
        write: SecretWrite::Grant {
            id,
            relation: relation.id,
            unit: unit.map(str::to_owned),
        },
    }))
}

fn revoke(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let id = uri(call)?;
    call.no_more_than(1)?;
    let [relation, application, unit] = ["relation", "app", "unit"].map(|name| value(call, name));
    if application.is_some() && unit.is_some() {
        return Err(Stop::Usage(
            "specify only one of application or unit".to_owned(),
        ));
    }
    if relation.is_some() && application.is_some() {
        return Err(Stop::Usage(
            "do not specify both relation and app".to_owned(),
        ));
    }
    if relation.is_none() && application.is_none() && unit.is_none() {
        return Err(Stop::Usage(
            "missing relation or application or unit".to_owned(),
        ));
    }
    let across = relation
        .map(|named| ctx.relation(Some(named)))
        .transpose()?;
    if let (Some(across), Some(unit)) = (across, unit)
        && application_of(unit) != across.remote_app
    {
        return Err(Stop::Usage(format!(
            "cannot specify unit {unit:?} in relation to application {:?}",
            across.remote_app
        )));
    }
    manage(ctx, &id)?;
    Ok(Done::write(Write::Secret {
        write: SecretWrite::Revoke {
            id,
            // A unit alone is meant when both are named.
            relation: across.filter(|_| unit.is_none()).map(|across| across.id),
            application: application.map(str::to_owned),
            unit: unit.map(str::to_owned),
        },
    }))
}

fn value<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.parsed.value(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{SecretInfo, SecretWrite, Write};

    use crate::tools::testing::{FRESH, Fixture};

    fn owner() -> Fixture {
        let mut fixture = Fixture::new("a/0").related();
        fixture.context.secrets = vec![SecretInfo {
            id: FRESH.to_owned(),
            revision: 1,
            ..SecretInfo::default()
        }];
        fixture
    }

    #[test]
    fn a_secret_is_granted_over_a_relation() {
        let mut fixture = owner();
        let granted = |unit: Option<&str>| {
            [Write::Secret {
                write: SecretWrite::Grant {
                    id: FRESH.to_owned(),
                    relation: 1,
                    unit: unit.map(str::to_owned),
                },
            }]
        };
        // The bare number, as `ops` gives it, and the whole.
        for relation in ["1", "db:1"] {
            let args = ["secret-grant", FRESH, "--relation", relation];
            assert_eq!(fixture.writes(&args), granted(None));
        }
        let args = ["secret-grant", "-r", "1", "--unit", "b/1", FRESH];
        assert_eq!(fixture.writes(&args), granted(Some("b/1")));
    }

    #[test]
    fn refusals_are_jujus() {
        let fixture = owner();
        for (flags, text) in [
            ("secret-grant", "missing relation id"),
            (
                "secret-grant -r 1 --unit c/0",
                "cannot specify unit \"c/0\" in relation to application \"b\"",
            ),
            (
                "secret-grant -r 9",
                "invalid value \"9\" for option -r: relation not found",
            ),
            ("secret-revoke", "missing relation or application or unit"),
            (
                "secret-revoke --app b --unit b/0",
                "specify only one of application or unit",
            ),
            (
                "secret-revoke -r 1 --app b",
                "do not specify both relation and app",
            ),
        ] {
            fixture.fails(&format!("{flags} {FRESH}"), 2, text);
        }
        fixture.fails("secret-grant -r 1", 2, "missing secret URI");
        fixture.fails(
            "secret-grant -r 1 9m4e2mr0ui3e8a215n40",
            1,
            "secret \"9m4e2mr0ui3e8a215n40\" not found",
        );
    }

    #[test]
    fn a_grant_is_taken_back() {
        let mut fixture = owner();
        for (args, relation, application, unit) in [
            (["-r", "1"], Some(1), None, None),
            (["--app", "b"], None, Some("b"), None),
            (["--unit", "b/0"], None, None, Some("b/0")),
        ] {
            assert_eq!(
                fixture.writes(&["secret-revoke", FRESH, args[0], args[1]]),
                [Write::Secret {
                    write: SecretWrite::Revoke {
                        id: FRESH.to_owned(),
                        relation,
                        application: application.map(str::to_owned),
                        unit: unit.map(str::to_owned),
                    }
                }]
            );
        }
    }
}
